"""Names that are not like others: failure stores of data streams, and aliases with capitals."""

import pytest

from bot.access.errors import InvalidRequest, NotAllowed, Outage, RequestField
from bot.access.intervals import ROUTE_AGAIN
from bot.access.lookup.suggestions import Index
from bot.access.policy.access_flow import AccessFlow
from bot.access.policy.model import Permission
from bot.access.ports import Resource
from bot.access.requests.drafts import Draft, problems
from tests.fakes import OWNER, REQUESTER, SHOP, WEB, World, flow

FAILURES = Permission(name="failures", indices=("read_failure_store",))
BOTH = Permission(name="both", indices=("read", "view_index_metadata", "read_failure_store"))


@pytest.fixture
def stored(world: World) -> World:
    """A policy with permissions for failure stores, two data streams, and an alias of one."""
    world.cluster.streams = {"failing": (), "failing-too": ()}
    world.cluster.aliases = {"of-a-stream": ("failing",), "of-an-index": ("logs-a",)}
    world.with_permissions(FAILURES, BOTH)
    flows = (flow(owners="integration", permissions=("read", "failures", "both")),)
    world.current.policy = world.current.policy.model_copy(update={"access_flows": flows})
    return world


@pytest.mark.parametrize("permission", ["failures", "both"])
def test_a_failure_store_gets_its_privilege_alone(stored: World, permission: str) -> None:
    request_id = stored.requests.submit(REQUESTER, Draft("failing::failures", "1h", permission)).request.id
    stored.approvals.approve(request_id, OWNER)
    stored.work()
    (spec,) = stored.cluster.roles.values()
    assert (spec.patterns, spec.privileges.indices) == (("failing",), ("read_failure_store",))
    extension = stored.requests.extend(REQUESTER, request_id, "30m").request
    assert extension.privileges["indices"] == ["read_failure_store"]


def test_a_failure_store_stays_alone_if_the_cluster_did_not_answer_at_filing(stored: World) -> None:
    flows = (flow(permissions=("both",), approve="rule"),)
    stored.current.policy = stored.current.policy.model_copy(update={"access_flows": flows})
    stored.cluster.asked.errors.append(Outage("away"))
    submission = stored.requests.submit(REQUESTER, Draft("failing::failures", "1h", "both"))
    assert submission.plan is None
    stored.clock.advance(ROUTE_AGAIN)
    stored.requests.route_waiting()
    stored.work()
    (spec,) = stored.cluster.roles.values()
    assert spec.privileges.indices == ("read_failure_store",)


@pytest.mark.parametrize(
    ("typed", "why"),
    [
        ("logs-a::failures", "“logs-a” is an index, and only data streams have a failure store"),
        ("of-an-index::failures", "“of-an-index” points to no data stream, and only"),
        ("logs-*::failures", "“logs-\\*” matches no data stream, and only"),
        ("failing::failures,logs-a::failures", "“logs-a” is an index"),
        ("f*::failures,metrics-*::failures", "“metrics-\\*” matches no data stream"),
    ],
)
@pytest.mark.parametrize("permission", ["failures", "both"])
def test_the_failure_store_of_anything_but_a_data_stream_is_refused_at_its_field(
    stored: World, permission: str, typed: str, why: str
) -> None:
    for unfinished in (True, False):
        with pytest.raises(InvalidRequest, match=why) as refused:
            stored.requests.explain(REQUESTER, Draft(typed, "1h", permission), unfinished=unfinished)
        assert refused.value.about is RequestField.PATTERNS
    with pytest.raises(InvalidRequest, match=why):
        stored.requests.submit(REQUESTER, Draft(typed, "1h", permission))


def test_a_permission_for_failure_stores_alone_is_refused_without_their_selector_too(stored: World) -> None:
    with pytest.raises(InvalidRequest, match="“logs-a” is an index"):
        stored.requests.submit(REQUESTER, Draft("logs-a", "1h", "failures"))
    assert stored.requests.submit(REQUESTER, Draft("logs-a", "1h", "both")).plan is not None


@pytest.mark.parametrize("typed", ["of-a-stream::failures", "*::failures", "failing::failures,of-a-stream::failures"])
def test_what_has_no_failure_store_is_neither_counted_nor_are_its_owners_asked(stored: World, typed: str) -> None:
    stored.directory.people |= {"@web": WEB, "@shop": SHOP}
    stored.cluster.owners = {"logs-a": ("@shop",), "failing": ("@web",)}
    stored.with_permissions(FAILURES)
    plan = stored.requests.submit(REQUESTER, Draft(typed, "1h", "failures")).plan
    assert plan is not None
    assert plan.preview is not None
    assert plan.preview.indices == 0
    assert SHOP[0] not in plan.asked


def test_a_data_stream_that_has_become_an_index_is_refused_at_the_yes(stored: World) -> None:
    request_id = stored.requests.submit(REQUESTER, Draft("failing::failures", "1h", "both")).request.id
    stored.cluster.streams = {}
    stored.cluster.names.append("failing")
    with pytest.raises(NotAllowed, match=r"cannot be approved any more.* “failing” is an index"):
        stored.approvals.approve(request_id, OWNER)


def test_a_permission_without_the_privilege_names_the_one_that_has_it(stored: World) -> None:
    with pytest.raises(NotAllowed, match=r"read does not give failure stores .* Ask for failures") as refused:
        stored.requests.submit(REQUESTER, Draft("logs-a::failures", "1h"))
    assert refused.value.about is RequestField.PERMISSION


def test_where_no_permission_has_it_an_administrator_is_needed(world: World) -> None:
    with pytest.raises(NotAllowed, match="Nobody may ask for one that does: an administrator can add it"):
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
