"""Refusals are audited with person, request and reason, at a limited rate."""

from datetime import timedelta

import pytest
from sqlmodel import col, select

from bot.access.audit.refusals import ALL_AT_ONCE, ALL_ONE_EACH, AT_ONCE, LONGEST_WHY, MOST_PEOPLE, ONE_EACH, Refusals
from bot.access.errors import AccessError, NotAllowed, Outage
from bot.access.models.audit import AuditEvent
from bot.access.requests.drafts import Draft
from bot.access.requests.membership import check_belongs_if_known
from tests.fakes import REQUESTER, STRANGER, World

NO = NotAllowed("You may not.")


def refused(world: World) -> list[AuditEvent]:
    with world.store.reading() as read:
        rows = select(AuditEvent).where(AuditEvent.event == "access.refused").order_by(col(AuditEvent.sequence))
        return list(read._session.exec(rows))


@pytest.fixture
def refusals(world: World) -> Refusals:
    return Refusals(world.store, world.clock)


def test_who_what_and_why_are_kept(world: World, refusals: Refusals) -> None:
    refusals.record(STRANGER, "approve", NO, "REQ-7K3F9Q")
    (event,) = refused(world)
    assert (event.actor, event.request_id) == (STRANGER, "REQ-7K3F9Q")
    assert event.detail == {"what": "approve", "kind": "NotAllowed", "why": "You may not."}


def test_one_person_fills_nothing_and_what_is_left_out_is_counted(world: World, refusals: Refusals) -> None:
    for _ in range(AT_ONCE + 100):
        refusals.record(STRANGER, "approve", NO)
    refusals.record(REQUESTER, "approve", NO)
    assert len(refused(world)) == AT_ONCE + 1, "another person's is kept all the same"
    world.clock.advance(ONE_EACH)
    refusals.record(STRANGER, "approve", NO)
    refusals.record(STRANGER, "approve", NO)
    last = refused(world)[-1]
    assert (len(refused(world)), last.detail["left_out_before"]) == (AT_ONCE + 2, 100)


def test_many_people_together_fill_nothing(world: World, refusals: Refusals) -> None:
    for number in range(ALL_AT_ONCE + 50):
        refusals.record(f"U{number:05}", "approve", NO)
    assert len(refused(world)) == ALL_AT_ONCE
    world.clock.advance(ALL_ONE_EACH)
    refusals.record("U0NEW", "approve", NO)
    refusals.record("U0NEXT", "approve", NO)
    assert len(refused(world)) == ALL_AT_ONCE + 1


def test_people_are_forgotten_who_have_their_whole_allowance(world: World, refusals: Refusals) -> None:
    for number in range(MOST_PEOPLE):
        refusals.record(f"U{number:05}", "approve", NO)
    world.clock.advance(timedelta(days=1))
    refusals.record("U0NEW", "approve", NO)
    assert len(refusals._people) < MOST_PEOPLE


def test_a_clock_set_back_gives_nothing(world: World, refusals: Refusals) -> None:
    for _ in range(AT_ONCE):
        refusals.record(STRANGER, "approve", NO)
    world.clock.advance(-timedelta(days=1))
    refusals.record(STRANGER, "approve", NO)
    assert len(refused(world)) == AT_ONCE


def test_what_somebody_typed_is_kept_as_text_and_not_too_much_of_it(world: World, refusals: Refusals) -> None:
    refusals.record(STRANGER, "approve", AccessError("a\x00b\ud800\n" + "x" * 1000))
    why = refused(world)[0].detail["why"]
    assert (why[:5], len(why)) == ("a\ufffdb\ufffd\ufffd", LONGEST_WHY)


def test_a_database_that_is_away_breaks_no_answer(world: World) -> None:
    class Away:
        def writing(self) -> None:
            raise OSError("gone")

    Refusals(Away(), world.clock).record(STRANGER, "approve", NO)  # type: ignore[arg-type]  # it has the called methods
    assert refused(world) == []


def test_outsiders_are_refused_whatever_the_policy_says(world: World) -> None:
    world.directory.outsiders = {REQUESTER}
    with pytest.raises(NotAllowed, match="Only people of this Slack workspace"):
        world.ask()


def test_nobody_is_kept_from_ending_access_while_slack_does_not_say_who_it_is(world: World) -> None:
    world.directory.asked.errors = [Outage("Slack does not answer")] * 2
    check_belongs_if_known(world.directory, REQUESTER)
    assert world.requests.submit(REQUESTER, Draft("logs-*", "1h")).plan is None, (
        "what gives access waits for the answer"
    )
