"""The grants over many names are found without comparing each name with each grant."""

from collections.abc import Sequence
from datetime import UTC, datetime
from random import Random
from typing import cast

import pytest

from bot.access.ownership import covering_grants
from bot.access.ownership.covering_grants import CoveringGrants, CoverSet
from bot.access.policy.patterns import matcher
from bot.access.store.ownership import PastAccess
from bot.access.store.transaction import Transaction
from tests.fakes import PRODUCTION, World

NOW = datetime(2026, 1, 1, tzinfo=UTC)

PARTS = ("logs", "shop", "web", "a", "b", "-", ".", "1", "2")


def covering(accesses: Sequence[PastAccess], monkeypatch: pytest.MonkeyPatch) -> CoveringGrants:
    """Grants without the requests that approved them."""

    class Read:
        def access_since(self, *_: object) -> Sequence[PastAccess]:
            return accesses

    monkeypatch.setattr(CoveringGrants, "_distinct", lambda *_: ())
    monkeypatch.setattr(CoveringGrants, "_read_covers", lambda *_: None)
    return CoveringGrants(cast(Transaction, Read()), PRODUCTION, ["production"], NOW)


@pytest.mark.parametrize("seed", range(8))
def test_the_same_grants_as_by_comparing_each_name_with_each_pattern(
    seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    random = Random(seed)  # noqa: S311

    def text(letters: Sequence[str], most: int) -> str:
        return "".join(random.choices(letters, k=random.randint(1, most)))

    write = {"indices": ["write"]}
    accesses = [
        PastAccess(f"REQ-{number:06}", [text((*PARTS, "*", "*"), 5) for _ in range(random.randint(1, 3))], None, write)
        for number in range(150)
    ]
    names = [[text(PARTS, 5) for _ in range(random.randint(1, 3))] for _ in range(400)]
    found = covering(accesses, monkeypatch).over_each(names)
    expected = [tuple(access.id for access in accesses if any(map(matcher(access.patterns), each))) for each in names]
    assert [each.grants for each in found] == expected
    assert any(expected)


def test_ten_thousand_names_and_a_thousand_grants_take_few_comparisons(monkeypatch: pytest.MonkeyPatch) -> None:
    compared = 0

    def counting(patterns: Sequence[str]) -> object:
        matches = matcher(patterns)

        def test(name: str) -> bool:
            nonlocal compared
            compared += 1
            return matches(name)

        return test

    monkeypatch.setattr(covering_grants, "matcher", counting)
    write = {"indices": ["write"]}
    patterns = [*(f"logs-team{number:03}-*" for number in range(500)), *(f"*-app{number:05}" for number in range(500))]
    accesses = [PastAccess(f"REQ-{number:06}", [each], None, write) for number, each in enumerate(patterns)]
    names = [[f"logs-team{number % 500:03}-app{number:05}"] for number in range(10_000)]
    found = covering(accesses, monkeypatch).over_each(names)
    assert found[7] == CoverSet(("REQ-000007", "REQ-000507"), ())
    assert compared <= 2 * len(names)


def test_without_grants_nothing_is_read(world: World) -> None:
    with world.store.reading() as read:
        assert CoveringGrants(read, PRODUCTION, ["production"], NOW).over_each([["a"]]) == [CoverSet((), ())]
