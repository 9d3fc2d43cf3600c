"""Deny flows apply to groups that cannot be found, through aliases, and to permissions that include a denied one."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pydantic import ValidationError

from bot.access.errors import NotAllowed
from bot.access.policy.access_flow import AccessFlow
from bot.access.policy.decision import Question, find_denial
from bot.access.policy.model import PERMISSIONS, Permission, Policy
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
    with pytest.raises(NotAllowed, match="points to data that the access flow “logs” does not cover"):
        world.ask("logs-all")
    world.ask("logs-both")


def test_to_deny_reading_denies_every_permission_that_reads(world: World) -> None:
    world.under(EVERYTHING, AccessFlow(name="not to read", deny=True, permissions=("read",)))
    for permission in ("read", "write", "manage"):
        with pytest.raises(NotAllowed, match="“not to read” forbids it"):
            world.requests.submit(REQUESTER, Draft("logs-*", "1h", permission))
    world.under(EVERYTHING, AccessFlow(name="not to write", deny=True, permissions=("write",)))
    world.ask()


def permission(name: str, *indices: str, **more: Any) -> Permission:
    return Permission(name=name, indices=indices, **more)


CUSTOM = (
    permission("only-read", "read"),
    permission("values", "view_index_metadata"),
    permission("everything", "all"),
    permission("shouting", "ALL"),
    permission("append-and-read", "create_doc", "read"),
    permission("append", "create_doc"),
    permission("update", "index"),
    permission("remove", "delete"),
    permission("drop", "delete_index"),
    permission("make", "create_index"),
    permission("watch", "monitor"),
    permission("watch-cluster", "monitor", cluster=("monitor",)),
    permission("newer", "of_a_newer_version"),
    permission("read-and-watch", "read", cluster=("monitor",)),
    permission("read-and-see", "read", monitor=True),
    permission("dashboards", "monitor", kibana=("feature_dashboard.all",)),
    permission("snapshots", "monitor", cluster=("create_snapshot",)),
    permission("another", "monitor", run_as=("kibana",)),
    permission("read-hidden", "read", restricted_indices=True),
)

READ = {
    "read", "write", "manage", "only-read", "values", "everything", "shouting", "append-and-read", "update", "newer",
    "snapshots", "another", "read-and-watch", "read-and-see", "read-hidden",
}  # fmt: skip
WRITE = {
    "write", "manage", "everything", "shouting", "append-and-read", "append", "update", "remove", "drop", "newer",
    "snapshots", "another",
}  # fmt: skip
MANAGE = {"manage", "everything", "shouting", "drop", "make", "newer", "snapshots", "another"}
WATCH = {"manage", "everything", "shouting", "watch", "watch-cluster", "dashboards", "snapshots", "another"}

DENIED = [
    ("read", READ),
    ("only-read", READ),
    ("values", READ),
    ("write", WRITE),
    ("append", WRITE),
    ("append-and-read", WRITE),
    ("update", WRITE),
    ("remove", WRITE),
    ("manage", MANAGE),
    ("everything", MANAGE),
    ("make", MANAGE),
    ("watch", WATCH),
    ("dashboards", WATCH),
    ("watch-cluster", {"watch-cluster", "snapshots", "another"}),
    ("read-and-watch", {"read-and-watch", "read-and-see", "snapshots", "another"}),
    ("read-and-see", READ),
    ("snapshots", {"snapshots", "another"}),
    ("read-hidden", {"read-hidden", "snapshots", "another"}),
]


@pytest.mark.parametrize(("denied", "expected"), DENIED, ids=[row[0] for row in DENIED])
def test_a_deny_holds_for_every_permission_with_its_strongest_effect(denied: str, expected: set[str]) -> None:
    policy = Policy(
        integrations=(PRODUCTION,),
        permissions=(*PERMISSIONS, *CUSTOM),
        access_flows=(AccessFlow(name="no", deny=True, permissions=(denied,)),),
    )
    at = datetime(2026, 11, 24, tzinfo=UTC)
    questions = {
        each.name: Question(PRODUCTION, ("logs-*",), each, timedelta(hours=1), "", at) for each in policy.permissions
    }
    refused = {name for name, each in questions.items() if find_denial(policy, each, lambda _: True) is not None}
    assert refused == expected


@pytest.mark.parametrize(
    ("asked", "pattern", "refused"),
    [
        (permission("plain", "read"), "*-000001", False),
        (permission("hidden", "read", restricted_indices=True), "*-000001", True),
        (permission("hidden", "read", restricted_indices=True), "logs-*", False),
    ],
)
def test_the_backing_indices_of_a_denied_data_stream_are_denied(
    asked: Permission, pattern: str, *, refused: bool
) -> None:
    policy = Policy(integrations=(PRODUCTION,), access_flows=(AccessFlow(name="no", deny=True, patterns=("payroll",)),))
    question = Question(PRODUCTION, (pattern,), asked, timedelta(hours=1), "", datetime(2026, 11, 24, tzinfo=UTC))
    assert (find_denial(policy, question, lambda _: True) is not None) is refused


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


def test_a_refusal_names_no_pattern_that_is_denied(world: World) -> None:
    world.under(
        AccessFlow(name="some", patterns=("metrics-*", "salaries-2026")),
        AccessFlow(name="secret", deny=True, patterns=("salaries*",)),
    )
    with pytest.raises(NotAllowed, match=r"The access flow “some” offers read on metrics-\*\.$"):
        world.ask("logs-a")
