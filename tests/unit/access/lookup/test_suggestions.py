"""Suggestions while a user types, all of them options that Slack accepts."""

from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as some

from bot.access.errors import InvalidRequest
from bot.access.lookup.suggestions import Index, Suggestion, Suggestions
from bot.access.policy.access_flow import AccessFlow
from bot.access.policy.current import CurrentPolicy
from bot.access.policy.patterns import matcher, parse_patterns
from bot.access.ports import Catalogue, Resource
from bot.sandbox.workspace.blockkit.elements import problems_of_options
from bot.slack.blocks.options import LONGEST_VALUE, MOST_OPTIONS, options_of, pattern_of, value_of
from tests.fakes import (
    EVERYTHING,
    OWNER,
    PRODUCTION,
    REQUESTER,
    STRANGER,
    FakeClock,
    FakeCluster,
    FakeClusters,
    FakeDirectory,
    policy_of,
)

LETTERS = some.text("abcdefghijklmnop0123456789-._é", min_size=1, max_size=250)
NAMES = LETTERS.filter(lambda name: name[0] not in ".-_+" and len(name.encode()) <= 255)


def index(*names: str, owner: str | None = None) -> Index:
    return Index([Resource(name, "index", (owner,)) for name in sorted(names)])


def suggestions_of(cluster: FakeCluster, *flows: AccessFlow) -> Suggestions:
    current = CurrentPolicy(policy_of(*flows))
    return Suggestions(FakeClusters(production=cluster), FakeDirectory(), current, FakeClock())


def patterns(found: Sequence[Suggestion]) -> list[str]:
    return [each.pattern for each in found]


def found(ready: Index, typed: str, most: int = MOST_OPTIONS) -> list[str]:
    return [each.pattern for each in ready.search(typed, most)]


LOGS = index("logs-app-1", "logs-app-2", "logs-web-1", "logs-web-2", "metrics")


def test_nothing_typed_offers_the_widest_wildcards_first_and_then_names() -> None:
    assert found(LOGS, "")[:4] == ["logs-*", "logs-app-*", "logs-web-*", "logs-app-1"]


def test_a_beginning_offers_itself_as_a_wildcard_then_those_below_it_then_names() -> None:
    assert found(LOGS, "logs-a") == ["logs-a*", "logs-app-*", "logs-app-1", "logs-app-2", "logs-a"]


def test_the_middle_of_a_name_is_found_and_case_is_no_matter() -> None:
    assert found(LOGS, "WEB") == ["logs-web-*", "logs-web-1", "logs-web-2", "web"]


def test_what_was_typed_is_a_pattern_of_its_own_where_it_is_a_valid_one() -> None:
    assert LOGS.search("*web*", 10)[0] == Suggestion("*web*", "typed", 2)
    assert LOGS.search("zzz", 10) == [Suggestion("zzz", "typed", 0)]
    assert found(LOGS, "/x.*/") == []
    assert found(LOGS, "_all") == []


def test_of_a_list_the_last_part_is_looked_for() -> None:
    assert found(LOGS, "logs-*, metr") == ["metrics", "metr"]


def test_a_wildcard_that_covers_the_same_as_a_shorter_one_is_not_offered() -> None:
    assert found(index("logs-web-2026.11.01", "logs-web-2026.11.02"), "") == [
        "logs-*", "logs-web-2026.11.01", "logs-web-2026.11.02",
    ]  # fmt: skip


def test_the_index_is_built_once_for_each_reading() -> None:
    class Still(FakeCluster):
        now = Catalogue((Resource("a", "index"),))

        def catalogue(self) -> Catalogue:
            return self.now  # a minute-old reading will do

    cluster = Still()
    suggestions = suggestions_of(cluster, EVERYTHING)
    first = suggestions.index(PRODUCTION, REQUESTER)
    assert suggestions.index(PRODUCTION, REQUESTER) is first
    assert suggestions.index(PRODUCTION, STRANGER) is first, "both are under the same flows"
    cluster.now = Catalogue((Resource("b", "index"),))
    assert suggestions.search(PRODUCTION, REQUESTER, "b", 5) == [Suggestion("b", "index")]


def test_each_person_searches_the_names_under_their_own_flows() -> None:
    class Both(FakeCluster):
        now = Catalogue((Resource("logs-a", "index"), Resource("pay-a", "index"), Resource("pay-b", "index")))

        def catalogue(self, *, fresh: bool = False) -> Catalogue:
            assert not fresh, "what was read a minute ago will do"
            return self.now

    logs = AccessFlow(name="logs", patterns=("logs-*",))
    pay = AccessFlow(name="pay", patterns=("pay-*",), requesters=("@owners",))
    suggestions = suggestions_of(Both(), logs, pay)
    typed = ["", "pay", "*a"]
    assert [patterns(suggestions.search(PRODUCTION, REQUESTER, each, 9)) for each in typed] == [
        ["logs-a"], ["pay"], ["*a", "logs-a"],
    ]  # fmt: skip
    assert suggestions.search(PRODUCTION, REQUESTER, "*a", 9)[0].matches == 1
    assert patterns(suggestions.search(PRODUCTION, OWNER, "pay", 9)) == ["pay*", "pay-*", "pay-a", "pay-b", "pay"]


def test_the_owner_stands_below_a_name() -> None:
    options: Any = [each.to_dict() for each in options_of(index("logs", owner="@web").search("logs", 5))]
    assert options[0]["description"]["text"] == "index, owner @web"


@given(some.lists(NAMES, max_size=250, unique=True), some.text(max_size=300), some.text(max_size=300))
def test_slack_takes_every_option(names: list[str], typed: str, owner: str) -> None:
    options = options_of(index(*names, owner=owner).search(typed, MOST_OPTIONS))
    assert problems_of_options({"options": [each.to_dict() for each in options]}) == []
    assert len({each.value for each in options}) == len(options), "each can be told from the others"


@given(some.lists(NAMES, min_size=1, max_size=50, unique=True), some.data())
def test_every_suggestion_can_be_asked_for_and_says_how_much_it_covers(names: list[str], data: some.DataObject) -> None:
    name = data.draw(some.sampled_from(names))
    typed = data.draw(some.sampled_from([name, name[: len(name) // 2], name[1:3], "*" + name[1:4] + "*", ""]))
    for each in index(*names).search(typed, MOST_OPTIONS):
        assert parse_patterns(each.pattern) == (each.pattern,)
        assert each.matches == sum(map(matcher([each.pattern]), names))


@given(NAMES)
def test_a_value_stands_for_its_pattern_however_long(name: str) -> None:
    assert len(value_of(name)) <= LONGEST_VALUE
    assert pattern_of(value_of(name), [name]) == name


def test_a_value_of_a_name_that_is_gone_stands_for_nothing() -> None:
    assert pattern_of(value_of("l" * 200), ["logs"]) is None
    with pytest.raises(InvalidRequest):
        parse_patterns(value_of("l" * 200))
