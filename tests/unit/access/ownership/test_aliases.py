"""Aliases: targets that were seen, hidden targets, and their stored form."""

import json

import pytest

from bot.access.errors import NotAllowed
from bot.access.ownership.aliases import (
    NONE_SEEN,
    AliasTargets,
    SeenAliases,
    read_aliases,
    see_aliases,
    with_move,
    withheld_aliases,
    without_hidden,
)
from bot.access.policy.names.exclusion import names_left
from bot.access.ports import Catalogue, Resource

FOUND = (
    Resource("app-inside", "alias", ("@web",), 5, ("app-1",)),
    Resource("app-mixed", "alias", ("@web", None), 9, (".x-1", "app-1")),
    Resource("app-outside", "alias", ("@shop",), 7, ("shop-1", "shop-2")),
    Resource("app-1", "index", ("@web",), 5),
)
CATALOGUE = Catalogue((*FOUND, Resource("hides", "alias", (None,), 4, (".x-1",)), Resource("shop-1", "index", ("@a",))))


def test_aliases_that_lead_out_of_the_patterns_are_seen_with_their_owners() -> None:
    seen = see_aliases(["app-*"], None, FOUND, ["@web", "@shop", "@web"], ["hides"])
    assert seen == SeenAliases(
        {"app-mixed": (".x-1", "app-1"), "app-outside": ("shop-1", "shop-2")},
        {"app-mixed": ("@web", None), "app-outside": ("@shop",)},
        ("@web", "@shop"),
        ("hides",),
    )
    assert read_aliases(json.loads(json.dumps(seen.stored()))) == seen
    assert read_aliases(None) == NONE_SEEN


def test_hidden_index_that_the_role_covers_by_itself_is_not_outside() -> None:
    assert "app-mixed" not in see_aliases(["app-*", ".x-*"], None, FOUND, None, ()).targets
    names = ["app-*", "*x-*"]
    assert "app-mixed" in see_aliases(names, None, FOUND, None, ()).targets
    assert "app-mixed" not in see_aliases(names, None, FOUND, None, (), restricted_indices=True).targets


def test_wildcard_leaves_aliases_of_hidden_indices_out() -> None:
    given, withheld = without_hidden(["app-*"], FOUND, restricted_indices=False)
    assert [each.name for each in given] == ["app-inside", "app-outside", "app-1"]
    assert withheld == ("app-mixed",)
    assert without_hidden(["app-*"], FOUND, restricted_indices=True) == (list(FOUND), ())
    assert withheld_aliases(["app-*"], CATALOGUE) == ("app-mixed",)
    assert withheld_aliases(["*"], CATALOGUE) == ("app-mixed", "hides")


@pytest.mark.parametrize("patterns", [["app-mixed"], ["app-*", "app-mixed"]])
def test_alias_of_a_hidden_index_is_refused_by_its_name(patterns: list[str]) -> None:
    with pytest.raises(NotAllowed, match="app-mixed is an alias of an index with a leading dot, which is never given"):
        without_hidden(patterns, FOUND, restricted_indices=False)


def test_alias_with_a_leading_dot_is_given_unless_a_system_index_is_behind_it() -> None:
    alerts = Resource(".alerts-a", "alias", targets=(".internal.alerts-a-1",))
    system = Resource(".kibana", "alias", targets=(".kibana_1",), system_targets=(".kibana_1",))
    given, withheld = without_hidden([".*a*"], [alerts, system], restricted_indices=False)
    assert (list(given), withheld) == ([alerts], (".kibana",))
    with pytest.raises(NotAllowed, match=r"\.kibana is an alias of a system index, which is never given"):
        without_hidden([".kibana"], [system], restricted_indices=False)


def test_wildcard_that_matches_nothing_else_is_refused() -> None:
    with pytest.raises(NotAllowed, match="hides is an alias"):
        without_hidden(["hid*"], CATALOGUE.resources[-2:-1], restricted_indices=False)


def test_names_that_are_left_of_a_role() -> None:
    assert names_left(["app-*", "hides"], ["hides", "app-mixed"]) == ["app-*"]
    assert names_left(["hides"], ["hides"]) == []


def test_move_is_what_the_owners_did_not_see_and_the_names_do_not_cover() -> None:
    seen = SeenAliases({"app-outside": ("shop-2",)}, {"app-outside": ("@shop",)}, ("@shop",))
    aliases = AliasTargets(CATALOGUE)
    moves = aliases.moves(["app-*"], seen, ["app-mixed"])
    assert [(each.alias, each.before, each.now) for each in moves] == [("app-outside", ("shop-2",), ("shop-1",))]
    assert moves[0].owners == {"shop-1": ("@a",)}
    told = with_move(seen, moves[0])
    assert told.targets == {"app-outside": ("shop-2", "shop-1")}
    assert told.owners == {"app-outside": ("@shop", "@a")}
    assert aliases.moves(["app-*"], told, ["app-mixed"]) == []
    assert not AliasTargets(Catalogue(FOUND[-1:]))


def test_index_that_an_alias_of_the_same_name_replaced_counts_as_moved() -> None:
    catalogue = Catalogue((Resource("app-1", "alias", ("@shop",), 7, ("shop-1",)), CATALOGUE.resources[-1]))
    assert [each.now for each in AliasTargets(catalogue).moves(["app-1"], NONE_SEEN, ())] == [("shop-1",)]


def test_target_that_is_an_index_and_a_data_stream_has_both_owners() -> None:
    twice = (Resource("shop-1", "index", ("@a",)), Resource("shop-1", "data stream", ("@b",)))
    catalogue = Catalogue((Resource("now", "alias", ("@a", "@b"), 0, ("shop-1",)), *twice))
    (move,) = AliasTargets(catalogue).moves(["now"], NONE_SEEN, ())
    assert move.owners == {"shop-1": ("@a", "@b")}


def test_alias_of_a_resolved_role_is_seen_with_the_targets_that_the_role_names() -> None:
    seen = see_aliases(["app-*"], ["app-1", "shop-1"], FOUND, None, ["app-mixed"])
    assert seen.targets == {"app-inside": ("app-1",), "app-outside": ("shop-1",)}
    assert see_aliases(["app-outside"], ["shop-9"], FOUND, None, ()).targets == {}
