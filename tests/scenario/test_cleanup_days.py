"""USER_CLEANUP_DAYS: the user of an ended grant stays for some days, and is unusable."""

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from bot.sandbox.node import Node
from tests.scenario.kinds import (
    UNAUTHORIZED,
    granted_key,
    live_keys,
    message_of,
    password_of,
    user_or_role,
    username,
)
from tests.stage import Stage, set_stage

DAY_SECONDS = 86_400


@pytest.fixture
def kept(each_node: Node, tmp_path: Path) -> Iterator[Stage]:
    """A running stage whose users stay for two days, on a node of each version."""
    with ExitStack() as stack:
        stage = set_stage(each_node, tmp_path, stack, settings={"USER_CLEANUP_DAYS": "2"})
        stage.app.start()
        yield stage


def test_the_user_stays_disabled_without_a_role_and_goes_after_its_days(kept: Stage) -> None:
    request, secret = kept.granted()
    given = password_of(kept, request)
    security = kept.node.client().security
    security.grant_api_key(
        grant_type="password", username=secret.username, password=secret.password, api_key={"name": "by an admin"},
        refresh=True,
    )  # fmt: skip
    kept.say(kept.alice, f"revoke {request}")
    for person in (kept.alice, kept.bob):
        text = kept.reads(person, f"ACCESS {request} HAS ENDED", "The user is disabled and is deleted on ")
        assert "; its role and keys are gone." in text
    assert given.tried().status == UNAUTHORIZED
    assert user_or_role(kept.node, request) == ["user"]
    assert live_keys(kept.node, request) == []
    user = security.get_user(username=secret.username)[secret.username]
    assert (user["enabled"], user["roles"]) == (False, [])
    # Even if an administrator enables it again it is useless: its password is unknown, and it has no role.
    security.enable_user(username=secret.username)
    assert given.tried().status == UNAUTHORIZED
    security.disable_user(username=secret.username)

    kept.app.move_clock(DAY_SECONDS)
    kept.app.move_clock(DAY_SECONDS - 60)
    assert user_or_role(kept.node, request) == ["user"]
    kept.app.move_clock(61)
    kept.wait(lambda: not user_or_role(kept.node, request), "the deletion of the user")
    kept.wait(lambda: kept.audit("grant.cleaned_up"), "its audit event")


def test_a_key_leaves_no_user_to_keep(kept: Stage) -> None:
    request, key = granted_key(kept)
    kept.say(kept.alice, f"revoke {request}")
    kept.reads(kept.alice, f"ACCESS {request} HAS ENDED", "The key has ended, read back from the cluster.")
    assert not key.works
    assert user_or_role(kept.node, request) == []


def test_the_requester_reads_the_same_where_the_secret_stood(kept: Stage) -> None:
    request, secret = kept.granted()
    kept.say(kept.alice, f"revoke {request}")
    text = kept.read(message_of(kept, request, "was removed from this message"), kept.alice)
    assert "The user is disabled and is deleted on " in text
    assert secret.password not in text
    assert username(request) == secret.username
