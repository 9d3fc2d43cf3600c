"""The chain in memory: an altered, removed, swapped or forged event is found at its position."""

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.access.audit.verification import ChainBreak, Verification
from bot.access.models.audit import AuditEvent
from bot.access.store.chain import GENESIS, Head, hash_of
from tests.rows import NOW
from tests.trails import chained

LENGTH = 8
PLACE = st.integers(1, LENGTH)


def check(events: list[AuditEvent], head: Head) -> ChainBreak | None:
    verification = Verification()
    for event in events:
        broken = verification.check(event)
        if broken is not None:
            return broken
    return verification.end(head, 0)


def head_of(events: list[AuditEvent]) -> Head:
    return Head(len(events), str(events[-1].hash))


ANYTHING: dict[str, st.SearchStrategy[Any]] = {
    "at": st.integers(1, 10**9).map(lambda micros: NOW + timedelta(microseconds=micros)),
    "event": st.text(min_size=1),
    "request_id": st.none() | st.text(max_size=16),
    "actor": st.text(min_size=1),
    "detail": st.dictionaries(st.text(), st.integers() | st.text() | st.booleans(), min_size=1),
    "previous": st.text(alphabet="0123456789abcdef", min_size=64, max_size=64),
    "hash": st.text(alphabet="0123456789abcdef", min_size=64, max_size=64),
}
ALTERATION = st.sampled_from(sorted(ANYTHING)).flatmap(lambda name: st.tuples(st.just(name), ANYTHING[name]))


@given(PLACE, ALTERATION)
def test_any_alteration_is_found_at_its_event(place: int, alteration: tuple[str, Any]) -> None:
    events = chained(LENGTH)
    head = head_of(events)
    name, value = alteration
    if getattr(events[place - 1], name) == value:
        return
    setattr(events[place - 1], name, value)
    broken = check(events, head)
    assert broken is not None
    assert broken.sequence == place


@given(PLACE, st.text(min_size=1))
def test_an_alteration_with_a_hash_of_its_own_is_found_at_its_event(place: int, actor: str) -> None:
    events = chained(LENGTH)
    head = head_of(events)
    forged = events[place - 1]
    if forged.actor == actor:
        return
    forged.actor = actor
    forged.hash = hash_of(forged)
    broken = check(events, head)
    assert broken is not None
    assert broken.sequence == place


@given(st.sets(PLACE, min_size=1))
def test_any_removal_is_found_at_the_first_that_is_missing(gone: set[int]) -> None:
    events = chained(LENGTH)
    broken = check([each for each in events if each.sequence not in gone], head_of(events))
    assert broken is not None
    assert broken.sequence == min(gone)


@given(PLACE, PLACE, st.booleans())
def test_any_swap_is_found_at_the_first_of_the_two(one: int, other: int, renumbered: bool) -> None:
    if one == other:
        return
    events = chained(LENGTH)
    head = head_of(events)
    first, second = events[one - 1], events[other - 1]
    events[one - 1], events[other - 1] = second, first
    if renumbered:
        first.sequence, second.sequence = second.sequence, first.sequence
    broken = check(events, head)
    assert broken is not None
    assert broken.sequence == min(one, other)


def test_an_untouched_chain_holds() -> None:
    events = chained(LENGTH)
    assert check(events, head_of(events)) is None


def test_the_canonical_form_stays_what_it_is() -> None:
    """A change here would make every existing trail look forged."""
    event = AuditEvent(
        at=NOW, event="grant.active", request_id="REQ-7K3F9Q", actor="U0WHO", detail={"b": 1, "a": "größe"},
        sequence=1, previous=GENESIS,
    )  # fmt: skip
    assert hash_of(event) == "059cd52a3a17becc0e9e205852412194bdaf027a3656d811e0a69a9d2169dbf0"


@pytest.mark.parametrize("text", ["", "1", "1:xyz", f"x:{GENESIS}", f"1:{GENESIS[:-1]}", f"1:{GENESIS}0"])
def test_a_head_that_was_copied_badly_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="as `bot audit verify` prints it"):
        Head.read(text)
