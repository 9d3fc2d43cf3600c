"""The states of a request and of a grant, and the only ways from one to the next."""

from enum import StrEnum


class RequestState(StrEnum):
    PENDING = "pending"
    APPROVED = "approved"
    DENIED = "denied"
    CANCELLED = "cancelled"
    EXPIRED = "expired"


class GrantState(StrEnum):
    PROVISIONING = "provisioning"
    ACTIVE = "active"
    REVOKING = "revoking"
    REVOCATION_FAILED = "revocation_failed"
    REVOKED = "revoked"
    CLEANED_UP = "cleaned_up"


State = RequestState | GrantState

TRANSITIONS: dict[State, frozenset[State]] = {
    RequestState.PENDING: frozenset(
        {RequestState.APPROVED, RequestState.DENIED, RequestState.CANCELLED, RequestState.EXPIRED}
    ),
    RequestState.APPROVED: frozenset(),
    RequestState.DENIED: frozenset(),
    RequestState.CANCELLED: frozenset(),
    RequestState.EXPIRED: frozenset(),
    GrantState.PROVISIONING: frozenset({GrantState.ACTIVE, GrantState.REVOKING}),
    GrantState.ACTIVE: frozenset({GrantState.REVOKING}),
    GrantState.REVOKING: frozenset({GrantState.REVOKED, GrantState.REVOCATION_FAILED}),
    GrantState.REVOCATION_FAILED: frozenset({GrantState.REVOKING}),
    GrantState.REVOKED: frozenset({GrantState.CLEANED_UP}),
    GrantState.CLEANED_UP: frozenset(),
}

LIVE = frozenset({GrantState.PROVISIONING, GrantState.ACTIVE})
"""A grant that its requester may still use, or is about to."""

ENDING = frozenset({GrantState.REVOKING, GrantState.REVOCATION_FAILED})
"""A grant that must go and is not yet confirmed gone."""


def allowed(now: State, then: State) -> bool:
    """Whether the table has this way; the store asks before every transition."""
    return then in TRANSITIONS[now]
