"""The states of a request and of a grant, and the only transitions between them."""

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
    WRITTEN_OFF = "written_off"


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
    GrantState.REVOCATION_FAILED: frozenset({GrantState.REVOKING, GrantState.WRITTEN_OFF}),
    GrantState.REVOKED: frozenset({GrantState.CLEANED_UP}),
    GrantState.CLEANED_UP: frozenset(),
    GrantState.WRITTEN_OFF: frozenset(),
}

LIVE = frozenset({GrantState.PROVISIONING, GrantState.ACTIVE})
"""Grants that their requesters can use, or soon will."""

ENDING = frozenset({GrantState.REVOKING, GrantState.REVOCATION_FAILED})
"""Grants that must go and are not yet confirmed gone."""

OVER = frozenset({GrantState.REVOKED, GrantState.CLEANED_UP, GrantState.WRITTEN_OFF})
"""Grants that have ended: confirmed, or written off with a cluster that is gone for good."""


def allowed(now: State, then: State) -> bool:
    """Whether the table has this transition; the store checks every one."""
    return then in TRANSITIONS[now]


class EndReason(StrEnum):
    """Why a grant ended, in the audit and in messages."""

    EXPIRED = "expired"
    REVOKED = "revoked"
    NOT_CREATED = "could not be created"
    NOT_DELIVERED = "could not be delivered"
    NOT_A_MEMBER = "no longer a member"
    FLOW_CHANGED = "its access flow was changed"
    ALIAS_MOVED = "an alias of it points to other data now"
    REMOVED_BY_HAND = "it was removed from the cluster by hand"
    NOT_ACCEPTED = "the cluster did not accept its credential"
    NOT_EVALUATED = "the cluster cannot evaluate its role"
    GIVES_LESS = "the cluster gives less than was approved"
    NOT_LIMITED = "the cluster does not limit fields and documents"
    ACCOUNT_UNUSABLE = "the account cannot be used any more"
    WRITTEN_OFF = "its cluster was written off"
    UNKNOWN = "it was found in the cluster, and is not known here"


UNUSABLE = frozenset({EndReason.NOT_ACCEPTED, EndReason.NOT_EVALUATED, EndReason.GIVES_LESS, EndReason.NOT_LIMITED})
"""Ends of access whose credential was tried and did not work."""
