"""Previews of the resources that a request covers."""

import json

import pytest

from bot.access.policy.access_flow import AccessFlow
from bot.access.policy.owner_groups import Owned
from bot.access.ports import Catalogue, Resource, Template
from bot.access.requests.preview import FIRST_NAMES, Preview, matched, owned, preview, read_preview, resolved_names
from tests.fakes import OWNER, World

CATALOGUE = Catalogue(
    (
        Resource("all-logs", "alias", ("@shop", "@web", None)),
        Resource("logs-a", "index", ("@web",), 100),
        Resource("logs-b", "index", (None,), 20),
        Resource("logs-stream", "data stream", ("@shop",), 3),
        Resource("metrics-a", "index", ("@web",), 5000),
    ),
    (Template("web", ("logs-web-*", "x-*"), "@web"), Template("pay", ("pay-*",), "@pay")),
)


def names(*patterns: str) -> list[str]:
    return [each.name for each in matched(patterns, CATALOGUE)]


def test_what_matches_comes_in_the_order_of_names_and_once() -> None:
    assert names("logs-*", "*-a") == ["logs-a", "logs-b", "logs-stream", "metrics-a"]
    assert names("nothing") == []


def test_each_kind_is_counted_and_the_sizes_added_up() -> None:
    seen = preview(["*logs*"], matched(["*logs*"], CATALOGUE), CATALOGUE, grows=True)
    names = ("all-logs", "logs-a", "logs-b", "logs-stream")
    assert seen == Preview(indices=2, data_streams=1, aliases=1, size=123, names=names, grows=True)
    assert seen.count == 4


def test_the_first_names_stand_for_many() -> None:
    found = [Resource(f"n-{number:02}", "index") for number in range(12)]
    seen = preview(["n-*"], found, CATALOGUE, grows=True)
    assert seen.names == tuple(f"n-{number:02}" for number in range(FIRST_NAMES))
    assert seen.count == 12


def test_it_grows_only_with_a_wildcard_and_only_where_the_flow_gives_the_pattern() -> None:
    found = matched(["logs-a"], CATALOGUE)
    assert not preview(["logs-a", "logs-b"], found, CATALOGUE, grows=True).grows
    assert preview(["logs-a", "logs-b*"], found, CATALOGUE, grows=True).grows
    assert not preview(["logs-*"], found, CATALOGUE, grows=False).grows


def test_it_is_kept_as_plain_data_and_comes_back_as_it_was() -> None:
    seen = preview(["logs-*"], matched(["logs-*"], CATALOGUE), CATALOGUE, grows=True)
    assert read_preview(json.loads(json.dumps(seen.stored()))) == seen
    assert read_preview(None) is None


def test_every_owner_of_every_resource_is_there_and_of_every_template_that_could_add_one() -> None:
    found = matched(["all-logs", "logs-*"], CATALOGUE)
    now = [
        Owned("all-logs", "@shop", ("all-logs",)), Owned("all-logs", "@web", ("all-logs",)),
        Owned("all-logs", None, ("all-logs",)), Owned("logs-a", "@web", ("logs-*",)),
        Owned("logs-b", None, ("logs-*",)), Owned("logs-stream", "@shop", ("logs-*",)),
    ]  # fmt: skip
    assert owned(["all-logs", "logs-*"], found, CATALOGUE, grows=False) == now
    assert owned(["all-logs", "logs-*"], found, CATALOGUE, grows=True) == [
        *now,
        Owned("template web", "@web", ("logs-*",)),
    ]


def test_a_template_counts_for_a_name_that_it_would_make_and_that_is_not_there_yet() -> None:
    assert owned(["pay-2026"], [], CATALOGUE, grows=True) == [Owned("template pay", "@pay", ("pay-2026",))]


def test_what_people_were_shown_is_kept_with_the_request(world: World) -> None:
    request_id = world.ask("logs-*")
    kept = read_preview(world.request_details(request_id).request.preview)
    assert kept == Preview(indices=2, data_streams=0, aliases=0, size=20, names=("logs-a", "logs-b"), grows=True)
    world.cluster.names.append("logs-c")
    world.approvals.approve(request_id, OWNER)  # the resources are looked at again
    kept = read_preview(world.request_details(request_id).request.preview)
    assert kept is not None
    assert kept.names == ("logs-a", "logs-b", "logs-c")


def test_a_resolved_flow_says_that_nothing_is_added_later(world: World) -> None:
    world.under(AccessFlow(name="exactly", owners="integration", scope="resolved"))
    kept = read_preview(world.request_details(world.ask("logs-*")).request.preview)
    assert kept is not None
    assert not kept.grows


# --- aliases --------------------------------------------------------------------------------------------------------


POINTED = Catalogue((
    Resource("all", "alias", ("@web",), 107, ("logs-a", "logs-b", ".x-1")),
    Resource("hides", "alias", (None,), 4, (".x-1",)),
    Resource("logs-a", "index", ("@web",), 100),
    Resource("logs-b", "data stream", ("@web",), 3),
    Resource("some", "alias", ("@web",), 100, ("logs-a",)),
))  # fmt: skip


@pytest.mark.parametrize(
    ("patterns", "size"),
    [(["some"], 100), (["some", "logs-a"], 100), (["*"], 107), (["all"], 107), (["all", "hides"], 107), (["hides"], 4)],
)
def test_size_of_an_alias_is_that_of_its_targets_and_nothing_counts_twice(patterns: list[str], size: int) -> None:
    assert preview(patterns, matched(patterns, POINTED), POINTED, grows=True).size == size


def test_names_of_a_resolved_role_are_those_of_the_targets() -> None:
    assert resolved_names(matched(["some", "logs-*"], POINTED)) == ("logs-a", "logs-b")
    assert resolved_names(matched(["some"], POINTED)) == ("logs-a",)
