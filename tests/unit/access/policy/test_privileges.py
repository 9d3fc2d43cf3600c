"""Index privileges: their effects, and which include which."""

import re
from pathlib import Path

import pytest

from bot.access.policy.privileges import (
    EFFECTS,
    EVERYTHING,
    Effect,
    effects_of,
    includes,
    may_change_owner,
    strongest_effect,
)
from bot.config.access_yaml.model import INDEX_PRIVILEGES


def test_every_privilege_that_may_be_named_has_an_entry() -> None:
    assert set(INDEX_PRIVILEGES) <= set(EFFECTS)


@pytest.mark.parametrize("effect", Effect)
def test_the_page_lists_the_privileges_of_each_effect(effect: Effect) -> None:
    page = (Path(__file__).parents[4] / "docs" / "policy.md").read_text(encoding="utf-8")
    (row,) = re.findall(rf"^\| {effect} \| (.+) \|$", page, re.MULTILINE)
    assert set(re.findall(r"`(\w+)`", row)) == {each for each in INDEX_PRIVILEGES if effect in EFFECTS[each]}


@pytest.mark.parametrize(
    ("privileges", "strongest"),
    [
        (["none"], None),
        (["monitor"], None),
        (["read", "view_index_metadata"], Effect.READS),
        (["create_doc"], Effect.WRITES),
        (["write"], Effect.WRITES),
        (["read", "CREATE_INDEX"], Effect.MANAGES),
        (["of_a_newer_version"], Effect.MANAGES),
    ],
)
def test_the_strongest_effect(privileges: list[str], strongest: Effect | None) -> None:
    assert strongest_effect(privileges) is strongest


def test_an_unknown_privilege_has_every_effect_and_may_change_the_owner() -> None:
    assert effects_of(["of_a_newer_version"]) == EVERYTHING
    assert may_change_owner(["of_a_newer_version"])


@pytest.mark.parametrize(
    ("wide", "narrow", "included"),
    [
        (["all"], ["read", "write", "manage", "of_a_newer_version"], True),
        (["write"], ["index", "create", "create_doc", "delete"], True),
        (["Write"], ["DELETE"], True),
        (["manage"], ["monitor", "view_index_metadata", "create_index", "delete_index", "none"], True),
        (["read", "write"], ["read", "create_doc"], True),
        (["write"], ["read"], False),
        (["manage"], ["write"], False),
        (["manage"], ["read"], False),
        (["create"], ["index"], False),
        (["index", "create", "create_doc", "delete"], ["write"], False),
        (["read"], ["of_a_newer_version"], False),
        (["read"], [], True),
    ],
)
def test_what_privileges_include(wide: list[str], narrow: list[str], included: bool) -> None:
    assert includes(wide, narrow) is included


def test_a_privilege_never_has_less_effect_than_what_it_includes() -> None:
    for wide in EFFECTS:
        for narrow in EFFECTS:
            if includes([wide], [narrow]):
                assert effects_of([wide]) >= effects_of([narrow]), f"{wide} includes {narrow}"
