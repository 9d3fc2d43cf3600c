"""Deny flows apply to groups that cannot be found, through aliases, and to permissions that include a denied one."""

import pytest
from pydantic import ValidationError

from bot.access.errors import NotAllowed
from bot.access.policy.access_flow import AccessFlow
from bot.access.policy.owner_groups import MOST_NAMES, Owned, owner_groups
from bot.access.requests.drafts import Draft
from tests.fakes import EVERYTHING, PRODUCTION, REQUESTER, STRANGER, World

BY_RULE = AccessFlow(name="by rule", approve="rule")


def test_a_deny_for_a_group_that_is_not_to_be_found_denies(world: World) -> None:
    world.under(BY_RULE, AccessFlow(name="no contractors", deny=True, requesters=("@contractors",)))
    with pytest.raises(NotAllowed, match="“no contractors” forbids it"):
        world.ask()
    world.directory.people["@contractors"] = (STRANGER,)
    world.ask()


def test_an_allow_for_a_group_that_is_not_to_be_found_allows_nobody(world: World) -> None:
    world.under(AccessFlow(name="contractors", requesters=("@contractors",)))
    with pytest.raises(NotAllowed, match="No access flow lets you ask for this"):
        world.ask()


def test_an_alias_of_what_is_denied_is_denied(world: World) -> None:
    world.cluster.aliases = {"hr-all": ("metrics-a",)}
    world.under(BY_RULE, AccessFlow(name="no metrics", deny=True, patterns=("metrics-*",)))
    with pytest.raises(NotAllowed, match="“no metrics” forbids it"):
        world.ask("hr-all")


def test_a_rule_does_not_approve_an_alias_of_what_it_does_not_cover(world: World) -> None:
    world.cluster.aliases = {"logs-all": ("logs-a", "metrics-a"), "logs-both": ("logs-a", "logs-b")}
    world.under(AccessFlow(name="logs", approve="rule", patterns=("logs-*",)))
    with pytest.raises(NotAllowed, match="points to metrics-a, which the access flow “logs” does not cover"):
        world.ask("logs-all")
    world.ask("logs-both")


def test_to_deny_reading_denies_every_permission_that_reads(world: World) -> None:
    world.under(EVERYTHING, AccessFlow(name="not to read", deny=True, permissions=("read",)))
    for permission in ("read", "write", "manage"):
        with pytest.raises(NotAllowed, match="“not to read” forbids it"):
            world.requests.submit(REQUESTER, Draft("logs-*", "1h", permission))
    world.under(EVERYTHING, AccessFlow(name="not to write", deny=True, permissions=("write",)))
    world.ask()


def test_an_owner_value_with_too_many_names_is_no_owner() -> None:
    names = [f"U0OWNER{number}" for number in range(MOST_NAMES + 1)]
    flow = AccessFlow(name="one")
    groups, problems = owner_groups(flow, PRODUCTION, [Owned("logs-a", ",".join(names))])
    assert [group.label for group in groups] == ["production"]
    assert len(problems) == 1
    groups, problems = owner_groups(flow, PRODUCTION, [Owned("logs-a", ",".join(names[:MOST_NAMES]))])
    assert len(groups[0].owners) == MOST_NAMES
    assert not problems


@pytest.mark.parametrize(
    "key", [{"scope": "resolved"}, {"approvals": 2}, {"reason": "required"}, {"owners": "integration"}]
)
def test_an_automatic_flow_has_no_key_that_is_about_asking(key: dict[str, str]) -> None:
    with pytest.raises(ValidationError, match=f"{next(iter(key))} has no meaning in an automatic flow"):
        AccessFlow(name="on call", requesters=("@oncall",), automatic=True, **key)
