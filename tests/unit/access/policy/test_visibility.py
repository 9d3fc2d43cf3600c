"""Which names a person may read, by tables. Visible means: could be asked for, now or at another hour."""

from collections.abc import Sequence
from datetime import UTC, datetime
from time import thread_time
from typing import Any

import pytest

from bot.access.policy.access_flow import AccessFlow
from bot.access.policy.hours import Hours
from bot.access.policy.model import Integration, Permission, Policy
from bot.access.policy.visibility import offered_permissions, visibility_of
from bot.access.ports import Resource
from tests.fakes import PRODUCTION

STAGING = Integration(name="staging", owner=("@staging",), public_url="https://staging.example")
NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
NIGHT = Hours(since="22:00", until="06:00")

RESOURCES = (
    Resource("logs-all", "alias", targets=("logs-web", "pay-a")),
    Resource("logs-dots", "alias", targets=(".hidden",)),
    Resource("logs-one", "alias", targets=("logs-web",)),
    Resource("logs-web", "index"),
    Resource("pay-a", "index"),
)
LOGS = ["logs-all", "logs-dots", "logs-one", "logs-web"]
EVERY = [*LOGS, "pay-a"]


def member_of(requesters: Sequence[str]) -> bool | None:
    """`@devs` is theirs, `@lost` is unknown to Slack."""
    return True if "@devs" in requesters else None if "@lost" in requesters else False


def flow(**values: Any) -> AccessFlow:
    return AccessFlow(**{"name": f"flow {sorted(values)}", **values})


def deny(*patterns: str, **values: Any) -> AccessFlow:
    return flow(deny=True, patterns=patterns, **values)


TABLE: list[tuple[str, tuple[AccessFlow, ...], list[str]]] = [
    ("everything is offered", (flow(),), EVERY),
    ("some patterns are offered", (flow(patterns=("logs-*",)),), LOGS),
    ("to their group", (flow(requesters=("@devs",)),), EVERY),
    ("to others", (flow(requesters=("@ops",)),), []),
    ("to a group that cannot be found", (flow(requesters=("@lost",)),), []),
    ("on another cluster", (flow(integrations=("staging",)),), []),
    ("in an emergency", (flow(break_glass=True),), EVERY),
    ("by itself", (flow(automatic=True, requesters=("@devs",)),), []),
    ("at night", (flow(when=NIGHT),), EVERY),
    ("two flows together", (flow(patterns=("logs-w*",)), flow(patterns=("pay-*",), max_duration="1h")), EVERY[3:]),
    ("denied", (flow(), deny("pay-*")), ["logs-dots", "logs-one", "logs-web"]),
    ("denied in part of a name's pattern", (flow(), deny("pay-a")), ["logs-dots", "logs-one", "logs-web"]),
    ("denied to their group", (flow(), deny("*", requesters=("@devs",))), []),
    ("denied to others", (flow(), deny("*", requesters=("@ops",))), EVERY),
    ("denied to a group that cannot be found", (flow(), deny("*", requesters=("@lost",))), []),
    ("denied elsewhere", (flow(), deny("*", integrations=("staging",))), EVERY),
    ("denied at night", (flow(), deny("*", when=NIGHT)), EVERY),
    ("what an alias points to is denied", (flow(patterns=("logs-d*",)), deny("*den")), []),
    ("writing is denied, and reading offered", (flow(), deny("*", permissions=("write",))), EVERY),
    ("writing is denied, and offered alone", (flow(permissions=("write",)), deny("*", permissions=("write",))), []),
    (
        "writing is denied, and both are offered",
        (flow(permissions=("read", "write")), deny("pay-*", permissions=("write",))),
        EVERY,
    ),
    (
        "one permission reaches the alias, another its target",
        (flow(patterns=("logs-all",)), flow(permissions=("write",), patterns=("pay-*",)), deny("pay-*", "x-*")),
        [],
    ),
]


@pytest.mark.parametrize(("flows", "visible"), [case[1:] for case in TABLE], ids=[case[0] for case in TABLE])
def test_a_name_is_visible_where_a_flow_offers_it_and_none_denies_it(
    flows: tuple[AccessFlow, ...], visible: list[str]
) -> None:
    policy = Policy(integrations=(PRODUCTION, STAGING), access_flows=flows)
    found = visibility_of(policy, PRODUCTION, member_of, NOON)
    assert [each.name for each in found.visible(RESOURCES)] == visible
    assert bool(visible) <= bool(found)


def test_people_under_the_same_flows_see_the_same() -> None:
    policy = Policy(integrations=(PRODUCTION,), access_flows=(flow(), flow(patterns=("x",), requesters=("@ops",))))
    mine = visibility_of(policy, PRODUCTION, member_of, NOON)
    theirs = visibility_of(policy, PRODUCTION, lambda requesters: "@ops" in requesters, NOON)
    assert mine == visibility_of(policy, PRODUCTION, lambda _: False, NOON)
    assert mine != theirs


def test_ten_thousand_names_take_milliseconds() -> None:
    names = [Resource(f"logs-service-{number:05}", "index") for number in range(10_000)]
    flows = [flow(name=f"team {number}", patterns=(f"team-{number}-*",)) for number in range(100)]
    extra = tuple(Permission(name=f"extra-{number}", indices=("read",)) for number in range(5))
    policy = Policy(
        integrations=(PRODUCTION,),
        permissions=(*Policy.model_fields["permissions"].default, *extra),
        access_flows=(*flows, flow(permissions=("read", *(each.name for each in extra))), deny("pay-*")),
    )
    started = thread_time()  # of this thread alone: a busy machine does not count
    found = visibility_of(policy, PRODUCTION, member_of, NOON).visible(names)
    assert len(found) == len(names)
    assert thread_time() - started < 0.5  # measured: 0.05


def test_the_permissions_that_a_person_may_ask_for_are_those_of_their_flows_on_any_cluster() -> None:
    flows = (
        flow(permissions=("read",)),
        flow(permissions=("manage",), requesters=("@ops",)),
        flow(permissions=("write",), integrations=("staging",), break_glass=True),
        flow(permissions=("manage",), automatic=True, requesters=("@devs",)),
        deny("*", permissions=("manage",)),
    )
    policy = Policy(integrations=(PRODUCTION, STAGING), access_flows=flows)
    assert offered_permissions(policy, member_of) == ("read", "write")
    assert offered_permissions(policy, lambda _requesters: True) == ("read", "write", "manage")
