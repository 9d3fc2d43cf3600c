"""The migrations make exactly the tables of the models, once, even when several processes run them."""

import logging
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Engine, inspect, text
from sqlmodel import SQLModel

from bot.access.errors import Conflict, NotFound
from bot.access.models import requests as models
from bot.access.ports import Privileges
from bot.access.states import GrantState, RequestState
from bot.access.store.store import Store
from bot.storage import migrate as migration
from bot.storage.migrate import HEAD, migrate
from tests.fakes import OWNER, SECOND_OWNER, STRANGER, world_on

TABLES = {
    "access_request", "approval", "asked_group", "access_grant", "message", "audit_event", "lease", "setting",
    "audit_head", "audit_shipping", "favourite", "home_tab", "counter_offer", "owner_observation", "ownership_change",
    "remembered_owner", "inbox", "known_cluster", "own_account",
}  # fmt: skip


def test_migrated_database_is_what_the_models_describe(empty_engine: Engine) -> None:
    migrate(empty_engine)
    assert models.AccessRequest.metadata is SQLModel.metadata
    with empty_engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True, "compare_server_default": True})
        assert compare_metadata(context, SQLModel.metadata) == []
        assert set(inspect(connection).get_table_names()) == TABLES | {"alembic_version"}


def test_head_is_the_newest_step() -> None:
    folder = Path(migration.__file__).parent / "migrations"
    config = Config()
    config.set_main_option("script_location", str(folder))
    script = ScriptDirectory.from_config(config)
    assert script.get_heads() == [HEAD]
    assert {step.revision for step in script.walk_revisions()} == migration._KNOWN


def test_second_migration_changes_nothing_and_keeps_the_rows(empty_engine: Engine) -> None:
    migrate(empty_engine)
    with empty_engine.execution_options(writes=True).begin() as connection:
        connection.execute(
            text("INSERT INTO audit_event (at, event, actor, detail) VALUES ('2026-11-24 00:00:00', 'e', 'a', '{}')")
        )
    migrate(empty_engine)
    with empty_engine.connect() as connection:
        assert connection.scalar(text("SELECT count(*) FROM audit_event")) == 1


def test_processes_that_start_together_migrate_once(empty_engine: Engine) -> None:
    together = Barrier(4)

    def start() -> None:
        together.wait()
        migrate(empty_engine)

    with ThreadPoolExecutor(4) as pool:
        for started in [pool.submit(start) for _ in range(4)]:
            started.result()
    with empty_engine.connect() as connection:
        assert connection.execute(text("SELECT version_num FROM alembic_version")).all() == [(HEAD,)]


def test_database_of_another_version_is_refused_and_left_as_it_is(empty_engine: Engine) -> None:
    with empty_engine.execution_options(writes=True).begin() as connection:
        connection.execute(text("CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL)"))
        connection.execute(text("INSERT INTO alembic_version VALUES ('9999')"))
    with pytest.raises(ValueError, match=r"'9999'.*Install the version of es-access that made it"):
        migrate(empty_engine)
    with empty_engine.connect() as connection:
        assert inspect(connection).get_table_names() == ["alembic_version"]


def test_failed_step_leaves_nothing_behind(empty_engine: Engine) -> None:
    with empty_engine.execution_options(writes=True).begin() as connection:
        connection.execute(text("CREATE TABLE audit_event (id INTEGER)"))  # the last table: the others come first
    with pytest.raises(Exception, match="already exists"):
        migrate(empty_engine)
    with empty_engine.connect() as connection:
        assert inspect(connection).get_table_names() == ["audit_event"]


def first_version(engine: Engine) -> None:
    """The tables of version 0001, with a request that waits, one that is being provisioned and one that was denied."""
    with engine.execution_options(writes=True).begin() as connection:
        config = Config(attributes={"connection": connection})
        config.set_main_option("script_location", str(Path(migration.__file__).parent / "migrations"))
        command.upgrade(config, "0001")
        for name, permission, state in (
            ("REQ-000001", "read", "pending"),
            ("REQ-000002", "write", "approved"),
            ("REQ-000003", "manage", "denied"),
        ):
            connection.execute(OLD_REQUEST, {"id": name, "permission": permission, "state": state})
        connection.execute(text(OLD_ROWS[0]))
        connection.execute(text(OLD_ROWS[1]))
        connection.execute(text(OLD_ROWS[2]))


OLD_REQUEST = text(
    "INSERT INTO access_request (id, requester, integration, patterns, permission, duration, reason, owners, state, "
    "created_at, pending_until, decision_reason) VALUES (:id, 'U0REQUESTER', 'production', '[\"logs-*\"]', "
    ":permission, 3600, 'größe', '[\"U0OWNER\", \"U0SECOND\"]', :state, '2026-11-24 12:00:00', "
    "'2026-11-24 20:00:00', '')"
)
OLD_ROWS = (
    "INSERT INTO approval (request_id, approver, approved, reason, at) "
    "VALUES ('REQ-000002', 'U0OWNER', true, '', '2026-11-24 12:00:00')",
    "INSERT INTO access_grant (id, username, state, created_at, expires_at, end_reason, version, attempts, due_at) "
    "VALUES ('REQ-000002', 'es-access-000002', 'provisioning', '2026-11-24 12:00:00', '2026-11-24 13:00:00', '', 0, 0, "
    "'2026-11-24 12:00:00')",
    "INSERT INTO message (request_id, kind, recipient, wanted, sent, attempts) "
    "VALUES ('REQ-000002', 'credential', 'U0REQUESTER', 1, 0, 0)",
)


def test_what_was_filed_before_owner_groups_waits_for_its_owners_as_it_did(empty_engine: Engine) -> None:
    first_version(empty_engine)
    migrate(empty_engine)
    with world_on(Store(empty_engine, "first")) as world:
        details = world.request_details("REQ-000001")
        assert (details.request.flow, details.request.automatic, details.request.escalations) == ("", False, 0)
        assert details.request.reason == "größe"
        with pytest.raises(NotFound):
            world.approvals.approve("REQ-000001", STRANGER)
        assert world.approvals.approve("REQ-000001", SECOND_OWNER).request.state is RequestState.APPROVED
        with pytest.raises(Conflict, match="already denied"):
            world.approvals.approve("REQ-000003", OWNER)


def test_what_was_approved_before_is_given_as_it_was_approved(empty_engine: Engine) -> None:
    first_version(empty_engine)
    migrate(empty_engine)
    with world_on(Store(empty_engine, "first")) as world:
        world.work()
        assert world.grant("REQ-000002").state is GrantState.ACTIVE
        (role,) = world.cluster.roles.values()
        assert (role.patterns, role.privileges) == (
            ("logs-*",),
            Privileges(("read", "view_index_metadata", "write")),
        )
        assert world.request_details("REQ-000002").approvals[0].groups == []
        world.grants.revoke("REQ-000002", OWNER)
        world.work()
        assert world.cluster.empty


def test_an_extension_that_waited_before_knows_who_asked_for_what_it_extends(empty_engine: Engine) -> None:
    first_version(empty_engine)
    with empty_engine.execution_options(writes=True).begin() as connection:
        config = Config(attributes={"connection": connection})
        config.set_main_option("script_location", str(Path(migration.__file__).parent / "migrations"))
        command.upgrade(config, "0007")
        connection.execute(text("UPDATE access_request SET asked_by = 'U0ASKER' WHERE id = 'REQ-000002'"))
        connection.execute(text("UPDATE access_request SET extends = 'REQ-000002' WHERE id = 'REQ-000001'"))
    migrate(empty_engine)
    with empty_engine.connect() as connection:
        found = connection.execute(text("SELECT id, first_asked_by FROM access_request ORDER BY id")).all()
    assert [tuple(row) for row in found] == [("REQ-000001", "U0ASKER"), ("REQ-000002", None), ("REQ-000003", None)]


def test_steps_can_be_taken_back_with_the_rows_that_were_there_before(empty_engine: Engine) -> None:
    first_version(empty_engine)
    migrate(empty_engine)
    with empty_engine.execution_options(writes=True).begin() as connection:
        config = Config(attributes={"connection": connection})
        config.set_main_option("script_location", str(Path(migration.__file__).parent / "migrations"))
        command.downgrade(config, "0001")
    with empty_engine.connect() as connection:
        later = {"asked_group", "lease", "setting", "audit_head", "audit_shipping", "favourite", "home_tab"}
        later |= {
            "counter_offer",
            "owner_observation",
            "ownership_change",
            "remembered_owner",
            "inbox",
            "known_cluster",
            "own_account",
        }
        assert set(inspect(connection).get_table_names()) == TABLES - later | {"alembic_version"}
        assert connection.scalar(text("SELECT count(*) FROM access_request")) == 3
    migrate(empty_engine)
    with empty_engine.connect() as connection:
        assert connection.scalar(text("SELECT count(*) FROM asked_group")) == 1


def test_migration_leaves_logging_alone(empty_engine: Engine) -> None:
    root = logging.getLogger()
    before = (root.level, list(root.handlers), root.disabled, logging.getLogger("bot").disabled)
    migrate(empty_engine)
    assert (root.level, list(root.handlers), root.disabled, logging.getLogger("bot").disabled) == before
