"""Errors carry a code, so that nothing has to read their sentences."""

from copy import copy

from bot.access.errors import (
    AccessError,
    Conflict,
    Gone,
    Incomplete,
    InvalidRequest,
    NotAllowed,
    NotFound,
    Outage,
    Refusal,
)


def test_every_kind_of_error_for_people_has_a_code_of_its_own() -> None:
    assert {kind: kind.code for kind in (AccessError, InvalidRequest, Incomplete, NotFound, NotAllowed, Conflict)} == {
        AccessError: "impossible",
        InvalidRequest: "invalid_request",
        Incomplete: "incomplete",
        NotFound: "not_found",
        NotAllowed: "not_allowed",
        Conflict: "conflict",
    }


def test_code_does_not_depend_on_the_sentence() -> None:
    assert Conflict("Bob was first.").code == Conflict("It has ended.").code == "conflict"


def test_code_of_the_other_side_survives_a_copy() -> None:
    """Caches raise copies of a refusal."""
    refusal = copy(Refusal("Slack answered user_not_found", "user_not_found"))
    assert (str(refusal), refusal.code) == ("Slack answered user_not_found", "user_not_found")
    assert type(copy(Gone("it was removed"))) is Gone
    assert (Refusal("no").code, Outage("away").code) == (None, None)
