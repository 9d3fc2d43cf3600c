"""Names that are not like others: failure stores of data streams, and aliases with capitals."""

import pytest

from bot.access.errors import InvalidRequest, NotAllowed, Outage, RequestField
from bot.access.intervals import ROUTE_AGAIN
from bot.access.lookup.suggestions import Index
from bot.access.policy.access_flow import AccessFlow
from bot.access.policy.model import Permission
from bot.access.ports import Resource
from bot.access.requests.drafts import Draft, problems
from tests.fakes import OWNER, REQUESTER, World, flow

FAILURES = Permission(name="failures", indices=("read_failure_store",))
BOTH = Permission(name="both", indices=("read", "view_index_metadata", "read_failure_store"))


@pytest.fixture
def stored(world: World) -> World:
    """A policy with permissions for failure stores."""
    world.with_permissions(FAILURES, BOTH)
    flows = (flow(owners="integration", permissions=("read", "failures", "both")),)
    world.current.policy = world.current.policy.model_copy(update={"access_flows": flows})
    return world


@pytest.mark.parametrize("permission", ["failures", "both"])
def test_a_failure_store_gets_its_privilege_alone(stored: World, permission: str) -> None:
    request_id = stored.requests.submit(REQUESTER, Draft("logs-a::failures", "1h", permission)).request.id
    stored.approvals.approve(request_id, OWNER)
    stored.work()
    (spec,) = stored.cluster.roles.values()
    assert (spec.patterns, spec.privileges.indices) == (("logs-a",), ("read_failure_store",))
    extension = stored.requests.extend(REQUESTER, request_id, "30m").request
    assert extension.privileges["indices"] == ["read_failure_store"]


def test_a_failure_store_stays_alone_if_the_cluster_did_not_answer_at_filing(stored: World) -> None:
    flows = (flow(permissions=("both",), approve="rule"),)
    stored.current.policy = stored.current.policy.model_copy(update={"access_flows": flows})
    stored.cluster.asked.errors.append(Outage("away"))
    submission = stored.requests.submit(REQUESTER, Draft("logs-a::failures", "1h", "both"))
    assert submission.plan is None
    stored.clock.advance(ROUTE_AGAIN)
    stored.requests.route_waiting()
    stored.work()
    (spec,) = stored.cluster.roles.values()
    assert spec.privileges.indices == ("read_failure_store",)


def test_a_permission_without_the_privilege_names_the_one_that_has_it(stored: World) -> None:
    with pytest.raises(NotAllowed, match=r"read does not give failure stores .* Ask for failures") as refused:
        stored.requests.submit(REQUESTER, Draft("logs-a::failures", "1h"))
    assert refused.value.about is RequestField.PERMISSION


def test_where_no_permission_has_it_an_administrator_is_needed(world: World) -> None:
    with pytest.raises(NotAllowed, match="No permission here does: an administrator can add one"):
        world.requests.submit(REQUESTER, Draft("logs-a::failures", "1h"))


def test_the_data_selector_is_the_name_and_others_are_refused(world: World) -> None:
    assert world.requests.submit(REQUESTER, Draft("logs-a::data", "1h")).request.patterns == ["logs-a"]
    for typed, why in (("logs-a::x", "failures or data"), ("logs-a::failures,logs-b", "two requests")):
        with pytest.raises(InvalidRequest, match=why):
            world.requests.submit(REQUESTER, Draft(typed, "1h"))
        assert set(problems(world.current.policy, Draft(typed, "1h"))) == {RequestField.PATTERNS}


def test_an_alias_with_capitals_is_given_offered_and_denied(world: World) -> None:
    world.cluster.aliases = {"Logs-Prod": ("logs-a",)}
    world.under(flow(patterns=("Logs-*",)))
    assert world.requests.submit(REQUESTER, Draft("Logs-Prod", "1h")).request.patterns == ["Logs-Prod"]
    with pytest.raises(NotAllowed):
        world.requests.submit(REQUESTER, Draft("logs-a", "1h"))
    world.under(flow(), AccessFlow(name="no", deny=True, patterns=("Logs-Prod",)))
    with pytest.raises(NotAllowed, match="“no” forbids it"):
        world.requests.submit(REQUESTER, Draft("Logs-*", "1h"))


def test_capitals_by_mistake_get_the_name_in_lower_case(world: World) -> None:
    with pytest.raises(InvalidRequest, match=r"“Logs-\*” matches nothing that exists. Did you mean logs-\*"):
        world.requests.submit(REQUESTER, Draft("Logs-*", "1h"))


def test_suggestions_find_names_in_any_case() -> None:
    index = Index([Resource("Logs-Prod", "alias", targets=("logs-a",)), Resource("logs-a", "index")])
    for typed in ("logs-p", "Logs-P", "PROD"):
        assert "Logs-Prod" in [each.pattern for each in index.search(typed, 5)]
    assert [each.pattern for each in index.search("LOGS-A*", 5)] == ["logs-a*", "logs-a"]
