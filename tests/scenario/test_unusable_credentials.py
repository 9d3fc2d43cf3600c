"""A cluster on which no new user can sign in: nobody is shown a dead password, and people read what to do."""

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from bot.sandbox.node import Node
from tests.scenario.newcomer import arrived
from tests.stage import Stage, set_stage

CONNECTOR_OF_THE_FILE_REALM = {
    "xpack.security.authc.realms.file.file1.order": 0,
    "xpack.security.authc.realms.native.native1.order": 1,
    "xpack.security.authc.realms.native.native1.enabled": False,
}


@pytest.fixture(scope="module")
def without_native_realm() -> Iterator[Node]:
    with Node.start(settings=CONNECTOR_OF_THE_FILE_REALM) as node:
        yield node


def settings(node: Node) -> dict[str, str]:
    """The administrator is of the file realm, so it still signs in."""
    return {"ELASTICSEARCH_USERNAME": node.admin.username, "ELASTICSEARCH_PASSWORD": node.admin.password}


@pytest.fixture
def stage(without_native_realm: Node, tmp_path: Path) -> Iterator[Stage]:
    with ExitStack() as stack:
        ready = set_stage(without_native_realm, tmp_path, stack, settings=settings(without_native_realm))
        ready.app.start()
        yield ready


def test_nobody_is_shown_a_password_that_does_not_work(stage: Stage) -> None:
    request = stage.ask("logs-* 1h")
    stage.approve(request)
    why = "Ended: the cluster did not accept its credential"
    stage.reads(stage.alice, f"ACCESS {request} HAS ENDED", why, "Its owners were told what to repair.")
    for owner in (stage.bob, stage.carol):
        stage.reads(owner, f"ACCESS {request} FAILED", why, "Run bot check: it tries a user of its own")
    stage.nothing_is_left()
    assert "Password: " not in "".join(stage.texts(stage.alice))
    assert "401 security_exception" in stage.audited("grant.revoking", request)


def test_bot_check_finds_it_and_says_what_to_do(without_native_realm: Node, tmp_path: Path) -> None:
    with arrived(without_native_realm, tmp_path) as newcomer:
        found = newcomer.check(**settings(without_native_realm))
        fix = found.fails_with("credentials: a new user does not work here: Elasticsearch answered 401")
    assert "xpack.security.authc.realms.native" in fix
    assert "Authorization header" in fix
