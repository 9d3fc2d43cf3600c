"""The migrations make exactly the tables of the models, once, whoever else is at it."""

import logging
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Engine, inspect, text
from sqlmodel import SQLModel

from bot.access import models
from bot.storage import migrate as migration
from bot.storage.migrate import HEAD, migrate

TABLES = {"access_request", "approval", "access_grant", "message", "audit_event"}


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


def test_migration_leaves_logging_alone(empty_engine: Engine) -> None:
    root = logging.getLogger()
    before = (root.level, list(root.handlers), root.disabled, logging.getLogger("bot").disabled)
    migrate(empty_engine)
    assert (root.level, list(root.handlers), root.disabled, logging.getLogger("bot").disabled) == before
