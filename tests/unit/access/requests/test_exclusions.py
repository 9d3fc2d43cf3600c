"""Names that an access flow excludes: nowhere is access to them given, and everybody reads that it is not."""

from typing import Any

import pytest
from pydantic import ValidationError

from bot.access.errors import Conflict, NotAllowed
from bot.access.models.columns import CredentialKind
from bot.access.models.messages import MessageKind
from bot.access.policy.access_flow import AccessFlow
from bot.access.policy.model import Permission, Policy
from bot.access.policy.undercuts import find_undercuts
from bot.access.policy.visibility import visibility_of
from bot.access.ports import CredentialSpec, Template
from bot.access.requests.counter_offers import OfferTerms
from bot.access.requests.drafts import Draft
from bot.access.requests.fresh_decision import decide_again, read_again
from bot.access.requests.routing import Plan
from bot.access.states import GrantState
from bot.cluster.roles import role_body
from tests.fakes import OWNER, PRODUCTION, REQUESTER, SHOP, WEB, World, flow

OWNERS: dict[str, tuple[str | None, ...]] = {
    "logs-web": ("@web",), "logs-secret-1": ("@shop",), "logs-secret-2": ("@shop",),
}  # fmt: skip

LOGS = flow(patterns=("logs-*", "x-*"), exclude=("logs-secret-*",))


@pytest.fixture
def secrets(world: World) -> World:
    """Logs of @web, and secret ones of @shop, which the access flow excludes."""
    world.directory.people |= {"@web": WEB, "@shop": SHOP}
    world.cluster.names = list(OWNERS)
    world.cluster.owners = dict(OWNERS)
    return world.under(LOGS)


def plan(world: World, patterns: str = "logs-*", **draft: Any) -> Plan:
    return world.requests.explain(REQUESTER, Draft(patterns, "1h", **draft))[1]


def live(world: World, patterns: str = "logs-*", **draft: Any) -> str:
    request_id = world.requests.submit(REQUESTER, Draft(patterns, "1h", **draft)).request.id
    for person in (WEB[0], OWNER):
        details = world.request_details(request_id)
        if details.grant is None and any(person in group.asked for group in details.groups):
            world.approvals.approve(request_id, person)
    world.work()
    assert world.state(request_id) is GrantState.ACTIVE
    return request_id


def spec(world: World, request_id: str) -> CredentialSpec:
    return world.cluster.roles[world.grant(request_id).username]


def test_a_wildcard_is_given_without_the_excluded_names_and_their_owners_are_not_asked(secrets: World) -> None:
    planned = plan(secrets)
    assert planned.excluded == ("logs-secret-*",)
    assert planned.preview is not None
    assert planned.preview.names == ("logs-web",)
    assert [group.label for group in planned.groups] == ["@web"]
    secrets.cluster.templates = (Template("secrets", ("logs-secret-*",), "@shop"),)
    assert [group.label for group in plan(secrets).groups] == ["@web"]


def test_the_role_keeps_to_it_and_owner_and_requester_read_it(secrets: World) -> None:
    request_id = live(secrets)
    assert spec(secrets, request_id).excluded == ("logs-secret-*",)
    (index,) = role_body(spec(secrets, request_id))["indices"]
    assert index["names"] == ["/logs\\-.*&~(logs\\-secret\\-.*)/"]
    for kind in (MessageKind.APPROVAL, MessageKind.CREDENTIAL):
        assert secrets.notifier.sent(kind)


@pytest.mark.parametrize("asked", ["logs-secret-1", "logs-secret-*", "logs-web,logs-secret-2"])
def test_a_request_for_excluded_names_alone_is_refused(secrets: World, asked: str) -> None:
    with pytest.raises(NotAllowed, match="excludes logs-secret-") as refused:
        plan(secrets, asked)
    assert refused.value.about == "patterns"


def test_it_falls_under_another_flow_that_offers_them(secrets: World) -> None:
    secrets.under(LOGS, AccessFlow(name="secrets", patterns=("logs-secret-*",), owners="integration"))
    assert plan(secrets, "logs-secret-1").flow.name == "secrets"
    assert plan(secrets).flow is LOGS


def test_a_request_of_which_nothing_is_left_now_is_refused(secrets: World) -> None:
    secrets.cluster.names.remove("logs-web")
    with pytest.raises(NotAllowed, match="excludes everything that matches now"):
        plan(secrets)


def test_an_alias_of_excluded_data_is_refused_by_name_and_left_out_of_a_wildcard(secrets: World) -> None:
    secrets.cluster.aliases = {"logs-all": ("logs-secret-1", "logs-web"), "x-web": ("logs-web",)}
    with pytest.raises(NotAllowed, match="excludes the data behind logs-all"):
        plan(secrets, "logs-all")
    planned = plan(secrets, "logs-*,x-*")
    assert planned.aliases is not None
    assert planned.aliases.withheld == ("logs-all",)
    assert spec(secrets, live(secrets, "logs-*,x-*")).withheld == ("logs-all",)


def test_an_alias_that_moves_to_excluded_data_is_taken_out_of_the_role(secrets: World) -> None:
    secrets.cluster.aliases = {"x-now": ("logs-web",)}
    request_id = live(secrets, "logs-*,x-*")
    secrets.cluster.aliases = {"x-now": ("logs-secret-1",)}
    secrets.alias_moves.run_once()
    assert spec(secrets, request_id).withheld == ("x-now",)
    assert secrets.state(request_id) is GrantState.ACTIVE


def test_a_key_ends_when_an_alias_moves_to_excluded_data(secrets: World) -> None:
    secrets.cluster.aliases = {"x-now": ("logs-web",)}
    request_id = live(secrets, "logs-*,x-*", kind=CredentialKind.API_KEY)
    secrets.cluster.aliases = {"x-now": ("logs-secret-1",)}
    secrets.alias_moves.run_once()
    assert secrets.state(request_id) is GrantState.REVOKING


@pytest.mark.parametrize("kind", [CredentialKind.PASSWORD, CredentialKind.API_KEY])
def test_an_index_that_becomes_part_of_an_excluded_data_stream_is_taken_out(
    secrets: World, kind: CredentialKind
) -> None:
    """A lifecycle policy moves the data of `logs-secret-x` to `shrink-ab12-.ds-logs-secret-x-2026.12.01-000001`."""
    secrets.under(LOGS.model_copy(update={"patterns": ("*",), "exclude": ("logs-secret-*",)}))
    request_id = live(secrets, "*", kind=kind)
    moved = "shrink-ab12-.ds-logs-secret-x-2026.12.01-000001"
    secrets.cluster.names.append(moved)
    secrets.cluster.owners[moved] = ("@shop",)
    secrets.cluster.streams = {"logs-secret-x": (moved,)}
    secrets.alias_moves.run_once()
    if kind is CredentialKind.API_KEY:
        assert secrets.state(request_id) is GrantState.REVOKING
        return
    assert secrets.state(request_id) is GrantState.ACTIVE
    assert spec(secrets, request_id).withheld == (moved,)
    secrets.alias_moves.run_once()
    assert secrets.audit(request_id).count("grant.aliases_withheld") == 1


def test_a_decision_made_before_more_was_excluded_does_not_undo_that(secrets: World) -> None:
    request_id = secrets.ask("logs-*")
    request = secrets.request_details(request_id).request
    fresh = decide_again(secrets.store, secrets.requests.routing, request, read_again(secrets.current.policy, request))
    with secrets.store.writing() as write:
        write.amend(request, excluded=["logs-secret-*", "logs-n*"])
    assert not fresh.is_about(secrets.request_details(request_id))


def test_a_data_stream_with_an_excluded_index_in_it_is_left_out(secrets: World) -> None:
    secrets.cluster.streams = {"logs-stream": ("logs-secret-1",)}
    planned = plan(secrets)
    assert planned.aliases is not None
    assert planned.aliases.withheld == ("logs-stream",)
    assert planned.preview is not None
    assert planned.preview.names == ("logs-web",)


def test_resolved_names_hold_no_excluded_one(secrets: World) -> None:
    secrets.under(LOGS.model_copy(update={"scope": "resolved"}))
    assert plan(secrets).resolved == ("logs-web",)


def test_what_the_policy_excludes_by_the_approval_is_left_out_as_well(secrets: World) -> None:
    request_id = secrets.ask("logs-*")
    secrets.cluster.names.append("logs-new")
    secrets.under(LOGS.model_copy(update={"exclude": ("logs-n*",)}))
    secrets.approvals.approve(request_id, WEB[0])
    assert secrets.request_details(request_id).request.excluded == ["logs-secret-*", "logs-n*"]


def test_an_extension_needs_the_same_exclusion(secrets: World) -> None:
    request_id = live(secrets)
    assert secrets.requests.extend(REQUESTER, request_id, "30m").request.excluded == ["logs-secret-*"]
    other = live(secrets.under(LOGS), "logs-web")
    secrets.under(LOGS.model_copy(update={"exclude": ("logs-w*",), "patterns": ("logs-*",)}))
    with pytest.raises((Conflict, NotAllowed)):
        secrets.requests.extend(REQUESTER, other, "30m")


def test_an_offer_cannot_name_what_is_excluded(secrets: World) -> None:
    request_id = secrets.ask("logs-*")
    assert "logs-secret-1" not in secrets.offers.options(request_id, WEB[0]).names
    with pytest.raises(NotAllowed, match="excludes logs-secret-1"):
        secrets.offers.make(request_id, WEB[0], OfferTerms("logs-secret-1", "read", "1h"))


def test_access_without_the_names_is_no_duplicate_of_access_with_them(secrets: World) -> None:
    live(secrets)
    assert secrets.requests.submit(REQUESTER, Draft("logs-web", "1h")).duplicate is not None
    assert secrets.requests.submit(REQUESTER, Draft("logs-*", "1h")).duplicate is not None
    secrets.under(AccessFlow(name="all", patterns=("logs-*",), owners="integration"))
    assert secrets.requests.submit(REQUESTER, Draft("logs-secret-1", "1h")).duplicate is None
    assert secrets.requests.submit(REQUESTER, Draft("logs-*", "1h")).duplicate is None


def test_a_flow_that_denies_only_what_is_excluded_denies_nothing(secrets: World) -> None:
    deny = AccessFlow(name="no secrets", deny=True, patterns=("logs-secret-*",))
    assert plan(secrets.under(LOGS, deny)).flow is LOGS
    with pytest.raises(NotAllowed, match="“no secrets” forbids it"):
        plan(secrets.under(flow(), deny))
    with pytest.raises(NotAllowed, match="“no logs” forbids it"):
        plan(secrets.under(LOGS, AccessFlow(name="no logs", deny=True, patterns=("logs-s*",))))


def test_excluded_names_are_not_shown(secrets: World) -> None:
    secrets.cluster.aliases = {"logs-all": ("logs-secret-1",)}
    visibility = visibility_of(secrets.current.policy, PRODUCTION, lambda _: True, secrets.clock.now())
    assert [each.name for each in visibility.visible(secrets.cluster.catalogue().resources)] == ["logs-web"]


def test_an_automatic_flow_gives_the_rest_and_anew_when_that_changes(secrets: World) -> None:
    automatic = AccessFlow(
        name="web", automatic=True, requesters=("@web",), patterns=("logs-*",), exclude=("logs-secret-*",)
    )
    secrets.under(automatic, AccessFlow(name="no secrets", deny=True, patterns=("logs-secret-*",)))
    secrets.automatic.run_once()
    secrets.work()
    assert {each.excluded for each in secrets.cluster.roles.values()} == {("logs-secret-*",)}
    secrets.under(automatic.model_copy(update={"exclude": ("logs-s*",)}))
    secrets.automatic.run_once()
    with secrets.store.reading() as read:
        assert {each.grant.state for each in read.automatic_grants() if each.grant} <= {GrantState.REVOKING}


def test_flows_are_compared_by_what_they_give() -> None:
    strict = AccessFlow(name="secrets", patterns=("logs-secret-*",), approvals=2)
    wide = AccessFlow(name="logs", patterns=("logs-*",))
    policy = Policy(integrations=(PRODUCTION,), access_flows=(strict, wide))
    assert [each.weaker.name for each in find_undercuts(policy)] == ["logs"]
    narrow = wide.model_copy(update={"exclude": ("logs-secret-*",)})
    assert list(find_undercuts(policy.model_copy(update={"access_flows": (strict, narrow)}))) == []


@pytest.mark.parametrize(
    ("values", "why"),
    [
        ({"exclude": ("web-*",)}, "web-\\* is not under the patterns"),
        ({"exclude": ("logs*",)}, "nothing is left of the pattern logs-\\*"),
        ({"exclude": ("logs-a",), "deny": True}, "no meaning in a flow that denies"),
        (
            {
                "exclude": tuple(
                    f"logs-*{each}*{each}x*" for each in ("ab", "cd", "ef", "gh", "ij", "kl", "mn", "op", "qr")
                )
            },
            "cannot evaluate",
        ),
    ],
)
def test_an_exclusion_that_cannot_hold_is_refused(values: dict[str, Any], why: str) -> None:
    with pytest.raises(ValidationError, match=why):
        AccessFlow(name="logs", patterns=("logs-*",), **values)


def test_system_indices_and_an_exclusion_do_not_go_together() -> None:
    system = Permission(name="system", indices=("read",), restricted_indices=True)
    offered = flow(patterns=("*",), exclude=("logs-*",), permissions=("system",), dangerous=True)
    with pytest.raises(ValidationError, match="exclude does not hold for system"):
        Policy(integrations=(PRODUCTION,), permissions=(system,), access_flows=(offered,))
