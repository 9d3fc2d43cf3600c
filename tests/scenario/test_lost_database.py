"""A database that is deleted, or restored from an older copy, between two runs of the application."""

import shutil
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path

from bot.access.claims import SHIPPING_CLAIM
from bot.sandbox.node import Node
from tests.audit_index import audit_index, stored
from tests.nodes import make_visible
from tests.scenario.test_audit_command import audit
from tests.stage import Stage, set_stage

FILE = "es-access.db"


def with_audit_index(node: Node, folder: Path, stack: ExitStack) -> tuple[Stage, str]:
    """A stage whose application sends its audit trail to an index of that name."""
    name, connection = stack.enter_context(audit_index(node))
    settings = {
        "AUDIT_INDEX": name, "AUDIT_URL": str(connection.url), "AUDIT_USERNAME": connection.username,
        "AUDIT_PASSWORD": connection.password.get_secret_value(),
        "AUDIT_CA_CERTS": str(connection.ca_certs) if connection.ca_certs else "",
    }  # fmt: skip
    return set_stage(node, folder, stack, settings=settings), name


def hashes_in(folder: Path) -> set[str]:
    """The hashes of the events in the database."""
    lines = audit(f"sqlite:///{folder}/{FILE}", folder, "--format", "ecs").stdout.splitlines()
    return {line.split('"hash": "')[1].split('"')[0] for line in lines}


def sent(stage: Stage, node: Node, index: str, expected: set[str]) -> set[str]:
    """Waits until the index has all of these events, and returns the ids of the chains in it."""

    def all_there() -> bool:
        return expected <= {each["event"]["hash"] for each in stored(node, index)}

    # The process before has the duty of sending until its claim lapses.
    stage.workspace.wait_for(lambda: all_there() or None, (2 * SHIPPING_CLAIM).total_seconds(), "all events sent")
    return {each["labels"]["chain"] for each in stored(node, index)}


def test_the_audit_index_loses_nothing_when_the_database_is_restored_and_then_lost(node: Node, tmp_path: Path) -> None:
    with ExitStack() as stack:
        stage, index = with_audit_index(node, tmp_path, stack)
        stage.app.start()
        stage.ask("logs-* 1h")
        before = hashes_in(tmp_path)
        sent(stage, node, index, before)
        stage.app.stop()
        shutil.copy(tmp_path / FILE, tmp_path / "copy.db")

        stage.app.start()
        stage.ask("metrics-* 1h")
        lived = hashes_in(tmp_path)
        assert before < lived
        sent(stage, node, index, lived)
        stage.app.stop()

        shutil.copy(tmp_path / "copy.db", tmp_path / FILE)
        stage.app.start()
        stage.ask("logs-web 1h")
        restored = hashes_in(tmp_path)
        assert len(sent(stage, node, index, lived | restored)) == 2
        said = audit(f"sqlite:///{tmp_path}/{FILE}", tmp_path, "verify").stdout
        assert "the database was restored from an older copy" in said
        assert "restored from an older copy" in stage.app.log.read_text(encoding="utf-8")
        stage.app.stop()

        (tmp_path / FILE).unlink()
        stage.app.start()
        new = hashes_in(tmp_path)
        assert len(sent(stage, node, index, lived | restored | new)) == 3
        first = audit(f"sqlite:///{tmp_path}/{FILE}", tmp_path).stdout.splitlines()[0]
        assert "audit.chain_begun" in first


def test_nobody_is_locked_out_by_what_was_taken_over(node: Node, tmp_path: Path) -> None:
    with ExitStack() as stack:
        stage = set_stage(node, tmp_path, stack, settings={"REQUESTS_PER_HOUR": "3"})
        stage.app.start()
        known = [stage.granted()[0] for _ in range(3)]
        usernames = stage.usernames()
        make_visible(node)
        stage.app.stop()
        (tmp_path / FILE).unlink()
        stage.app.start()
        stage.wait(lambda: sorted(stage.usernames()) == sorted(usernames) or None, "all of it taken over")
        for _ in range(3):
            stage.granted("logs-web 1h")
        assert "filed 3 requests within an hour" in stage.say(stage.alice, "logs-web 1h --again")
        assert all("found in the cluster" in stage.audited("grant.adopted", each) for each in known)
        now = datetime.now(UTC).isoformat()
        who = audit(f"sqlite:///{tmp_path}/{FILE}", tmp_path, "--who-had-access", "logs-app", "--at", now).stdout
        assert who.count("approved by somebody who is not known: it was found in the cluster") == len(known)
