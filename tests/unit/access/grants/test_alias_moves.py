"""Aliases that move under live access: which moves end it, which are told, and which change nothing."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pytest

from bot.access.errors import Outage
from bot.access.models.columns import CredentialKind
from bot.access.models.messages import MessageKind
from bot.access.policy.access_flow import AccessFlow
from bot.access.requests.drafts import Draft
from bot.access.states import EndReason, GrantState
from tests.fakes import OWNER, REQUESTER, SHOP, WEB, World, flow, policy_of

BY_OWNERS = flow()
KEPT = flow(alias_moves="keep")
DENIED = AccessFlow(name="salaries", deny=True, patterns=("salary-*",))
RULE = AccessFlow(name="rule", approve="rule", patterns=("web-*",))
BY_NAME = AccessFlow(name="named", owners=("@web",), patterns=("web-*",))
ONE_OF_THEM = flow(groups="any")

OWNERS: dict[str, tuple[str | None, ...]] = {
    "web-1": ("@web",),
    "web-2": ("@web",),
    "shop-1": ("@shop",),
    "salary-1": ("@web",),
    "shop-lobby": ("@shop",),
    "free-1": (None,),
}


@pytest.fixture
def moving(world: World) -> World:
    """Indices of @web, of @shop and of nobody, and an alias of the first."""
    world.directory.people |= {"@web": WEB, "@shop": SHOP}
    world.cluster.names = list(OWNERS)
    world.cluster.owners = dict(OWNERS)
    world.cluster.aliases = {"web-now": ("web-1",)}
    return world


def live(world: World, patterns: str = "web-now", *flows: AccessFlow, kind: Any = None) -> str:
    """Access to these patterns, approved by everybody who is asked."""
    world.under(*(flows or (BY_OWNERS,)))
    request_id = world.requests.submit(REQUESTER, Draft(patterns, "1h", kind=kind)).request.id
    for person in (WEB[0], SHOP[0], OWNER):
        details = world.request_details(request_id)
        if details.grant is None and any(person in group.asked for group in details.groups):
            world.approvals.approve(request_id, person)
    world.work()
    assert world.state(request_id) is GrantState.ACTIVE
    return request_id


def point(world: World, **aliases: str) -> None:
    """Points aliases to other targets; `_` stands for a hyphen, and a target is separated by a comma."""
    world.cluster.aliases |= {name.replace("_", "-"): tuple(targets.split(",")) for name, targets in aliases.items()}


def moved(world: World, request_id: str) -> list[dict[str, Any]]:
    return [each.detail for each in world.events(request_id) if each.event == "grant.alias_moved"]


@dataclass(frozen=True)
class Case:
    """A grant on `patterns` under these flows, and where its alias `web-now` points afterwards."""

    now: str
    state: GrantState
    patterns: str = "web-now"
    flows: Sequence[AccessFlow] = (BY_OWNERS,)
    told: bool = True


ENDS, STAYS = GrantState.REVOKING, GrantState.ACTIVE

CASES = {
    "other owners": Case("shop-1", ENDS),
    "one more, of other owners": Case("web-1,shop-1", ENDS),
    "nobody's data, about which the integration owner was not asked": Case("free-1", ENDS),
    "other owners, kept": Case("shop-1", STAYS, flows=(KEPT,)),
    "the same owners": Case("web-2", STAYS, told=False),
    "nothing any more": Case("", STAYS, told=False),
    "other owners who approved another part": Case("shop-1", STAYS, "web-now,shop-1", told=False),
    "other owners, of whom one was enough": Case("shop-1", ENDS, "web-now,shop-*y", flows=(ONE_OF_THEM,)),
    "what the pattern covers by itself": Case("web-2", STAYS, "web-*", told=False),
    "what the wide pattern covers by itself": Case("shop-1", STAYS, "*", told=False),
    "outside of a wide pattern": Case("shop-1", ENDS, "web-*"),
    "denied data of the same owners": Case("salary-1", ENDS, flows=(DENIED, BY_OWNERS)),
    "denied data, though it would be kept": Case("salary-1", ENDS, flows=(DENIED, KEPT)),
    "by rule, within the flow": Case("web-2", STAYS, flows=(RULE,), told=False),
    "by rule, outside of the flow": Case("shop-1", ENDS, flows=(RULE,)),
    "by owners by name, within the flow": Case("web-2", STAYS, flows=(BY_NAME,), told=False),
    "by owners by name, outside of the flow": Case("shop-1", ENDS, flows=(BY_NAME,)),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_move_of_an_alias(moving: World, case: Case) -> None:
    request_id = live(moving, case.patterns, *case.flows)
    point(moving, web_now=case.now) if case.now else moving.cluster.aliases.clear()
    for _ in range(2):
        moving.alias_moves.run_once()
    assert moving.state(request_id) is case.state
    assert len(moved(moving, request_id)) == (1 if case.told else 0)
    assert moving.notifier.shows("points to") is False
    moving.work()
    assert moving.notifier.shows("The alias web-now points to") is case.told


@pytest.mark.parametrize(("state", "flows"), [(ENDS, (BY_OWNERS,)), (STAYS, (KEPT,))])
def test_alias_that_appears_later_under_a_wildcard_counts_as_one_that_moved(
    moving: World, state: GrantState, flows: Sequence[AccessFlow]
) -> None:
    request_id = live(moving, "web-*", *flows)
    point(moving, web_new="shop-1")
    moving.alias_moves.run_once()
    assert moving.state(request_id) is state
    assert [each["alias"] for each in moved(moving, request_id)] == ["web-new"]


@pytest.mark.parametrize("patterns", ["*", "web-now"])
def test_access_of_an_earlier_version_is_compared_with_the_owners_who_were_asked(moving: World, patterns: str) -> None:
    request_id = live(moving, "web-now", flow(patterns=(patterns,)))
    with moving.store.writing() as write:
        earlier: Any = None
        write.record_aliases(moving.request_details(request_id).request, earlier)
    moving.alias_moves.run_once()
    assert moving.state(request_id) is STAYS
    point(moving, web_now="web-1,web-2")
    moving.alias_moves.run_once()
    assert moving.state(request_id) is STAYS
    point(moving, web_now="shop-1")
    moving.alias_moves.run_once()
    assert moving.state(request_id) is ENDS


def test_end_is_told_to_the_requester_and_to_the_owners_before_and_since(moving: World) -> None:
    request_id = live(moving)
    point(moving, web_now="shop-1")
    moving.alias_moves.run_once()
    moving.work()
    assert set(moving.notifier.sent(MessageKind.NOTICE)) == {REQUESTER, *WEB, *SHOP}
    assert moving.notifier.shows(f"points to shop-1 now, whose owners did not approve {request_id}.")
    assert moving.notifier.shows(f"under {request_id} has ended")
    assert moving.grant(request_id).end_reason == EndReason.ALIAS_MOVED
    assert moving.cluster.empty
    (event,) = moved(moving, request_id)
    assert event == {
        "alias": "web-now", "before": ["web-1"], "now": ["shop-1"], "owners": ["@shop"], "kept": False,
        "why": f"whose owners did not approve {request_id}",
    }  # fmt: skip


def test_kept_access_is_told_once_for_each_new_owner_who_may_then_end_it(moving: World) -> None:
    request_id = live(moving, "web-now", KEPT)
    point(moving, web_now="shop-1")
    moving.alias_moves.run_once()
    point(moving, web_now="web-1")
    moving.alias_moves.run_once()
    point(moving, web_now="shop-1")
    moving.alias_moves.run_once()
    assert len(moved(moving, request_id)) == 1
    point(moving, web_now="free-1")
    moving.alias_moves.run_once()
    assert [each["now"] for each in moved(moving, request_id)] == [["shop-1"], ["free-1"]]
    moving.work()
    assert moving.notifier.sent(MessageKind.NOTICE).count(SHOP[0]) == 1
    moving.grants.revoke(request_id, SHOP[0])
    assert moving.state(request_id) is ENDS


def test_flow_that_is_gone_keeps_nothing(moving: World) -> None:
    request_id = live(moving, "web-now", KEPT)
    point(moving, web_now="shop-1")
    moving.under(RULE)
    moving.alias_moves.run_once()
    assert moving.state(request_id) is ENDS


def test_extension_that_the_new_owners_approved_counts(moving: World) -> None:
    request_id = live(moving)
    point(moving, web_now="web-1,shop-1")
    extension = moving.requests.extend(REQUESTER, request_id, "1h").request.id
    for person in (WEB[0], SHOP[0]):
        moving.approvals.approve(extension, person)
    moving.work()
    moving.alias_moves.run_once()
    assert moving.state(request_id) is STAYS


def test_access_ends_even_while_slack_does_not_say_who_the_new_owners_are(moving: World) -> None:
    request_id = live(moving)
    point(moving, web_now="shop-1")
    moving.directory.asked.errors = [Outage("Slack is away")]
    moving.alias_moves.run_once()
    assert moving.state(request_id) is ENDS
    assert moved(moving, request_id)[0]["owners"] == ["@shop"]


def test_kept_access_is_told_when_slack_answers_again(moving: World) -> None:
    request_id = live(moving, "web-now", KEPT)
    point(moving, web_now="shop-1")
    moving.directory.asked.errors = [Outage("Slack is away")]
    moving.alias_moves.run_once()
    assert moved(moving, request_id) == []
    moving.alias_moves.run_once()
    assert len(moved(moving, request_id)) == 1


def test_cluster_that_does_not_answer_holds_up_no_other_and_is_looked_at_again(moving: World) -> None:
    request_id = live(moving)
    point(moving, web_now="shop-1")
    here = moving.current.policy.integrations[0]
    away = here.model_copy(update={"name": "away"})
    moving.current.policy = policy_of(BY_OWNERS, integrations=(away, here))
    moving.alias_moves.run_once()
    assert moving.state(request_id) is ENDS


# --- hidden indices ------------------------------------------------------------------------------------------------


def test_alias_of_a_hidden_index_is_left_out_of_the_role_and_taken_out_when_it_comes_later(moving: World) -> None:
    point(moving, web_hidden=".x-1")
    request_id = live(moving, "web-*")
    username = moving.grant(request_id).username
    assert moving.cluster.roles[username].withheld == ("web-hidden",)
    point(moving, web_now=".x-1")
    for _ in range(2):
        moving.alias_moves.run_once()
    assert moving.state(request_id) is STAYS
    assert moving.cluster.roles[username].withheld == ("web-hidden", "web-now")
    withheld = [each.detail for each in moving.events(request_id) if each.event == "grant.aliases_withheld"]
    assert withheld == [{"aliases": ["web-hidden"]}, {"aliases": ["web-now"]}]
    assert moving.grant(request_id).due_at == moving.grant(request_id).expires_at
    assert moving.grant(request_id).claimed_by is None
    assert moving.notifier.sent(MessageKind.NOTICE) == []


def test_alias_asked_for_by_name_that_comes_to_hide_something_ends_the_access_though_it_would_be_kept(
    moving: World,
) -> None:
    request_id = live(moving, "web-now", KEPT)
    point(moving, web_now=".x-1")
    moving.alias_moves.run_once()
    assert moving.state(request_id) is ENDS
    moving.work()
    assert moving.notifier.shows("points to .x-1 now, and indices with a leading dot are never given.")


def test_role_that_could_not_be_narrowed_is_narrowed_at_the_next_look(moving: World) -> None:
    request_id = live(moving, "web-*")
    username = moving.grant(request_id).username
    point(moving, web_now=".x-1")
    moving.cluster.creating.errors = [Outage("the cluster is away")]
    moving.alias_moves.run_once()
    assert moving.state(request_id) is STAYS
    assert moving.grant(request_id).claimed_by is None
    moving.alias_moves.run_once()
    assert moving.cluster.roles[username].withheld == ("web-now",)


def test_automatic_access_leaves_hidden_aliases_out_though_nobody_asked_for_it(moving: World) -> None:
    point(moving, web_hidden=".x-1")
    moving.directory.people["@team"] = (REQUESTER,)
    moving.under(AccessFlow(name="team", automatic=True, requesters=("@team",), patterns=("web-*",)))
    moving.automatic.run_once()
    moving.work()
    assert [spec.withheld for spec in moving.cluster.roles.values()] == [("web-hidden",)]


def test_approval_counts_for_the_new_owner_only_once_it_was_given(moving: World) -> None:
    request_id = live(moving, "web-now", KEPT)
    point(moving, web_now="shop-1")
    moving.alias_moves.run_once()
    with moving.store.reading() as read:
        details = read.request_details(request_id)
    assert set(moving.groups(request_id)) == {"@web", "@shop"}
    assert [(each.approver, each.approved) for each in details.approvals] == [(WEB[0], True)]


def test_alias_that_comes_to_hide_something_before_the_role_is_made_is_not_given(moving: World) -> None:
    moving.under(BY_OWNERS)
    request_id = moving.ask("web-now")
    moving.approvals.approve(request_id, WEB[0])
    point(moving, web_now=".x-1")
    moving.work()
    assert moving.grant(request_id).end_reason == EndReason.NOT_CREATED
    assert moving.cluster.passwords == []
    assert moving.cluster.empty


def test_new_key_leaves_out_what_has_come_to_be_hidden(moving: World) -> None:
    request_id = live(moving, "web-*", kind=CredentialKind.API_KEY)
    point(moving, web_now=".x-1")
    moving.grants.reset(request_id, REQUESTER)
    moving.work()
    assert moving.grant(request_id).withheld == ["web-now"]
    moving.alias_moves.run_once()
    assert moving.state(request_id) is STAYS
    point(moving, web_new=".x-1")
    moving.alias_moves.run_once()
    assert moving.state(request_id) is ENDS


def test_an_extension_by_rule_asks_nobody_and_so_approves_no_move(moving: World) -> None:
    request = live(moving, "web-now", flow(extend="rule"))
    moving.requests.extend(REQUESTER, request, "1h")
    moving.work()
    point(moving, web_now="shop-1")
    moving.requests.extend(REQUESTER, request, "1h")
    moving.work()
    moving.alias_moves.run_once()
    assert moving.state(request) is ENDS


# --- data streams ---------------------------------------------------------------------------------------------------


@pytest.fixture
def streaming(moving: World) -> World:
    """A data stream of @web."""
    moving.cluster.streams = {"web-stream": ()}
    moving.cluster.owners["web-stream"] = ("@web",)
    return moving


@pytest.mark.parametrize(
    ("flows", "inside", "state"),
    [
        ((BY_OWNERS,), "shop-1", ENDS),
        ((BY_OWNERS,), "web-1", STAYS),
        ((BY_OWNERS, DENIED), "salary-1", ENDS),
        ((KEPT,), "shop-1", STAYS),
        ((RULE,), "shop-1", ENDS),
        ((RULE,), "web-1", STAYS),
    ],
)
def test_what_is_put_into_a_data_stream_is_noticed_under_live_access(
    streaming: World, flows: Sequence[AccessFlow], inside: str, state: GrantState
) -> None:
    """`manage` on an index and on the data stream is enough to put one into the other."""
    request = live(streaming, "web-stream", *flows)
    streaming.cluster.streams["web-stream"] = (inside,)
    streaming.alias_moves.run_once()
    assert streaming.state(request) is state


def test_what_was_inside_at_the_approval_stays(streaming: World) -> None:
    streaming.cluster.streams["web-stream"] = ("shop-1",)
    request = live(streaming, "web-stream")
    assert sorted(streaming.groups(request)) == ["@shop", "@web"]
    streaming.alias_moves.run_once()
    assert streaming.state(request) is STAYS


def test_names_of_a_data_stream_are_given_whole(streaming: World) -> None:
    streaming.cluster.streams["web-stream"] = ("shop-1",)
    request = live(streaming, "web-stream", flow(scope="resolved"))
    assert streaming.request_details(request).request.resolved == ["web-stream"]
    streaming.alias_moves.run_once()
    assert streaming.state(request) is STAYS
    streaming.cluster.streams["web-stream"] = ("shop-1", "salary-1", "free-1")
    streaming.alias_moves.run_once()
    assert streaming.state(request) is ENDS
