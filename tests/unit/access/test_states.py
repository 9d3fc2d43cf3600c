"""The table of states says what the design says."""

from itertools import product

import pytest

from bot.access.states import ENDING, LIVE, OVER, TRANSITIONS, GrantState, RequestState, State, allowed

DESIGN: set[tuple[State, State]] = {
    (RequestState.PENDING, RequestState.APPROVED),
    (RequestState.PENDING, RequestState.DENIED),
    (RequestState.PENDING, RequestState.CANCELLED),
    (RequestState.PENDING, RequestState.EXPIRED),
    (GrantState.PROVISIONING, GrantState.ACTIVE),
    (GrantState.PROVISIONING, GrantState.REVOKING),
    (GrantState.ACTIVE, GrantState.REVOKING),
    (GrantState.REVOKING, GrantState.REVOKED),
    (GrantState.REVOKING, GrantState.REVOCATION_FAILED),
    (GrantState.REVOCATION_FAILED, GrantState.REVOKING),
    (GrantState.REVOCATION_FAILED, GrantState.WRITTEN_OFF),
    (GrantState.REVOKED, GrantState.CLEANED_UP),
}
STATES: list[State] = [*RequestState, *GrantState]


@pytest.mark.parametrize(("now", "then"), list(product(STATES, STATES)))
def test_only_the_designed_transitions_exist(now: State, then: State) -> None:
    assert allowed(now, then) == ((now, then) in DESIGN)


def test_every_state_has_its_line() -> None:
    assert set(TRANSITIONS) == set(STATES)


def test_every_grant_can_reach_its_end() -> None:
    for start in GrantState:
        reached, news = {start}, {start}
        while news:
            news = {GrantState(then) for each in news for then in TRANSITIONS[each]} - reached
            reached |= news
        assert reached & {GrantState.CLEANED_UP, GrantState.WRITTEN_OFF}


def test_a_grant_is_alive_ending_or_gone() -> None:
    assert set(GrantState) == LIVE | ENDING | OVER
    assert not LIVE & ENDING | LIVE & OVER | ENDING & OVER
