"""The lines about what a request covers: aliases with their targets, and names that work in the place of an alias."""

from dataclasses import replace

import pytest

from bot.access.models.requests import AccessRequest
from bot.access.ownership.aliases import NONE_SEEN, SeenAliases
from bot.access.policy.model import Integration, Permission
from bot.access.requests.preview import Preview
from bot.slack.blocks.credential import handed_over
from bot.slack.blocks.phrases import coverage, coverage_of, planned_coverage
from bot.slack.blocks.rich_text import fallback
from tests.shown import PASSWORD, PLAN, grant, request

FOLLOWS = "Only these, nothing created later."

LATER = {
    "one alias": (Preview(0, 0, 1, 9, ("now",), grows=False), False, "It covers whatever it points to."),
    "several aliases": (Preview(0, 0, 2, 9, ("now", "then"), grows=False), False, "They cover whatever they point to."),
    "an alias and an index": (
        Preview(1, 0, 1, 9, ("a", "now"), grows=False), False, f"{FOLLOWS} An alias covers whatever it points to.",
    ),
    "an alias under a wildcard": (
        Preview(1, 0, 1, 9, ("a", "now"), grows=True), False,
        "New indices that match are included, too. An alias covers whatever it points to.",
    ),
    "an index": (Preview(1, 0, 0, 9, ("a",), grows=False), False, FOLLOWS),
    "a wildcard": (Preview(1, 0, 0, 9, ("a",), grows=True), False, "New indices that match are included, too."),
    "an alias, resolved": (
        Preview(0, 0, 1, 9, ("now",), grows=False), True,
        f"{FOLLOWS} An alias is given as what it points to now, not by its name.",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("seen", "by_name", "words"), LATER.values(), ids=LATER)
def test_line_about_what_comes_later(seen: Preview, by_name: bool, words: str) -> None:
    assert fallback(coverage(seen, NONE_SEEN, by_name=by_name)[1:]) == words


def test_targets_of_the_first_aliases_are_named_and_the_rest_is_counted() -> None:
    targets = {f"now-{number}": tuple(f"a-{each}" for each in range(7)) for number in range(7)}
    aliases = SeenAliases(targets, {}, None, tuple(f"hides-{number}" for number in range(6)))
    lines = fallback(coverage(Preview(0, 0, 7, 9, ("now-0",), grows=False), aliases, by_name=False)).splitlines()
    assert lines[1] == "now-0 points to a-0, a-1, a-2, a-3, a-4 and 2 more."
    assert "Not shown: 2 aliases more." in lines
    assert lines[-1] == "Left out: hides-0, hides-1, hides-2, hides-3, hides-4 and 1 more (aliases of hidden indices)."
    assert len(lines) == 9


def lines_of(asked: AccessRequest) -> str:
    integration = Integration(name="prod", owner=("@platform",), public_url="https://es.example.com",
                              access_details="Open {patterns}")  # fmt: skip
    return fallback(handed_over(asked, grant(), integration, PASSWORD))


def test_credential_of_a_resolved_alias_says_which_names_work() -> None:
    aliases = SeenAliases({"now": ("a-1", "a-2")}, {}).stored()
    text = lines_of(request(patterns=["now", "b-*"], resolved=["a-1", "a-2", "b-1"], aliases=aliases))
    assert "now is an alias, and its name does not work: use a-1, a-2." in text
    assert "https://es.example.com/a-1,a-2,b-*/_search" in text
    assert "Open a-1, a-2, b-*" in text


def test_credential_of_an_alias_that_is_followed_names_the_alias() -> None:
    aliases = SeenAliases({"now": ("a-1",)}, {}).stored()
    text = lines_of(request(patterns=["now"], aliases=aliases))
    assert "https://es.example.com/now/_search" in text
    assert "does not work" not in text


# --- failure stores ---

STREAM = Preview(0, 1, 0, 9, ("app",), grows=False)
INDEX = Preview(1, 0, 0, 9, ("logs-web",), grows=False)
ALIAS = Preview(0, 0, 1, 9, ("now",), grows=False)
GROWS = Preview(1, 0, 0, 9, ("logs-web",), grows=True)
TOO = "Failure stores of data streams (::failures) too: documents that could not be stored."
ALONE = "Only failure stores (::failures): documents that could not be stored, not the data."


@pytest.mark.parametrize(
    ("privileges", "seen", "said"),
    [
        (["read", "read_failure_store"], STREAM, TOO),
        (["read", "read_failure_store"], GROWS, TOO),
        (["read", "read_failure_store"], ALIAS, TOO),
        (["read", "read_failure_store"], None, TOO),
        (["read", "read_failure_store"], INDEX, ""),
        (["all"], STREAM, TOO),
        (["read"], STREAM, ""),
        (["manage"], STREAM, ""),
        (["read_failure_store"], STREAM, ALONE),
    ],
)
def test_every_message_says_where_access_reads_failure_stores(
    privileges: list[str], seen: Preview | None, said: str
) -> None:
    asked = request(privileges={"indices": privileges}, preview=seen.stored() if seen else None)
    permission = Permission(name="p", indices=tuple(privileges))
    plan = replace(PLAN, permission=permission, preview=seen)
    texts = (fallback(coverage_of(asked)), fallback(planned_coverage(plan)), lines_of(asked))
    assert [next((each for each in (TOO, ALONE) if each in text), "") for text in texts] == [said] * len(texts)
