"""The terms of an access in the audit trail: written where access is given, read to answer who had access."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from bot.access.ids import APPLICATION
from bot.access.models.columns import Json
from bot.access.models.grants import Grant
from bot.access.models.limits import Limits
from bot.access.models.request_details import RequestDetails
from bot.access.models.requests import AccessRequest
from bot.access.ports import Credential
from bot.access.store.chain import AuditEntry

UNKNOWN = "(unknown)"
"""Stands for a term of an access that cannot be read any more. No request could have this pattern."""


def names_held(request: AccessRequest) -> tuple[str, ...]:
    """The names and patterns in the role of a request."""
    return tuple(request.patterns if request.resolved is None else request.resolved)


def access_terms(details: RequestDetails, grant: Grant) -> Mapping[str, Json]:
    """What the grant gives to whom until when, for the event that records it."""
    request = details.request
    return {
        "requester": request.requester,
        "integration": request.integration,
        "permission": request.permission,
        "patterns": list(names_held(request)),
        "until": grant.expires_at.isoformat(),
        "approvers": list(details.approvers),
        **Limits.restored(request.privileges or {}).stored(),
        **({"account": request.account["username"]} if request.account else {}),
    }


def terms_of_key(details: RequestDetails, grant: Grant, credential: Credential | None) -> Mapping[str, Json]:
    """The terms once more if a new API key was created: it holds the present terms. A new password changes none.

    With the number of tokens that ended with the old password, if there were any.
    """
    if credential is None:
        return {}
    terms = {} if credential.key_id is None else access_terms(details, grant)
    return {**terms, "tokens_ended": credential.tokens_ended} if credential.tokens_ended else terms


@dataclass(frozen=True)
class RecordedAccess:
    """An access as the events tell it. `names` are what its role holds, or `None` if no event says so.

    `since` is `None` before it is delivered, and `ended` until its end is confirmed. `adopted`: it was found in the
    cluster, and no event tells of its approval. `written_off`: its cluster was given up, and its end never confirmed.
    `whole`: an event has all terms of the access. Earlier versions wrote them only into the events of its request.
    """

    requester: str
    integration: str | None = None
    permission: str | None = None
    names: tuple[str, ...] | None = None
    length: timedelta | None = None
    until: datetime | None = None
    approvers: tuple[str, ...] = ()
    since: datetime | None = None
    ended: datetime | None = None
    adopted: bool = False
    written_off: bool = False
    whole: bool = False


class AccessReplay:
    """Follows the events in the order of the chain, and keeps the accesses that were live at one moment."""

    def __init__(self, at: datetime) -> None:
        self._at = at
        self._known: dict[str, RecordedAccess] = {}
        self._offers: dict[tuple[str, object], Mapping[str, Any]] = {}

    def live(self) -> Iterator[tuple[str, RecordedAccess]]:
        """The accesses that were delivered by then and whose end was not yet confirmed, by request, oldest first."""
        found = [(name, each) for name, each in self._known.items() if each.since is not None]
        return iter(sorted(found, key=lambda one: (one[1].since, one[0])))

    def add(self, event: AuditEntry) -> None:
        """Processes the next event. After the moment in question it only follows known accesses to their end."""
        name = event.request_id
        if name is None:
            return
        known = self._known.get(name)
        if known is None:
            if event.at <= self._at and (begun := _begun(event)) is not None:
                self._known[name] = begun
            return
        if event.event in _CLOSED or (event.event == "grant.revoked" and event.at <= self._at):
            del self._known[name]
        elif event.at <= self._at:
            self._known[name] = self._followed(known, name, event)
        else:
            self._known[name] = _followed_after(known, event)

    def _followed(self, known: RecordedAccess, name: str, event: AuditEntry) -> RecordedAccess:
        detail = event.detail
        match event.event:
            case "request.offer_made":
                self._offers[name, detail.get("offer")] = detail
            case "request.offer_accepted":
                terms = self._offers.get((name, detail.get("offer")), {})
                return replace(_with(known, terms), approvers=(*known.approvers, str(detail.get("by"))))
            case "request.approval_given":
                return replace(known, approvers=_also(known.approvers, event.actor))
            case "request.approved":
                until = event.at + known.length if known.length is not None else None
                return replace(known, until=until, approvers=_also(known.approvers, event.actor))
            case "grant.active" | "grant.adopted":
                # Access that is found again in the cluster keeps its approvers.
                approvers = known.approvers or tuple(detail.get("approvers", ()))
                adopted = known.adopted or (event.event == "grant.adopted" and not approvers)
                since = known.since or event.at
                return replace(_with(known, detail), since=since, approvers=approvers, adopted=adopted)
            case "grant.extended" | "grant.renewed" | "grant.extension_applied" | "grant.revealed":
                return _with(known, detail)
            case "grant.written_off":
                return replace(known, written_off=True)
        return known


_CLOSED = frozenset({"request.denied", "request.cancelled", "request.expired"})


def _followed_after(known: RecordedAccess, event: AuditEntry) -> RecordedAccess:
    """The access with the end that it came to after the moment."""
    match event.event:
        case "grant.revoked":
            return replace(known, ended=known.ended or event.at)
        case "grant.written_off":
            return replace(known, written_off=True)
        case "grant.extended":
            return replace(known, until=_time(event.detail.get("until")))
    return known


def _begun(event: AuditEntry) -> RecordedAccess | None:
    """The access that begins with this event, or may."""
    detail = event.detail
    match event.event:
        case "request.submitted" if not detail.get("extends"):
            return _with(RecordedAccess(event.actor), {**detail, "requester": event.actor})
        case "request.automatic":
            return _with(RecordedAccess(APPLICATION), detail)
        case "grant.active" | "grant.adopted":
            adopted = event.event == "grant.adopted"
            return replace(_with(RecordedAccess(APPLICATION), detail), since=event.at, adopted=adopted)
    return None


def _with(known: RecordedAccess, detail: Mapping[str, Any]) -> RecordedAccess:
    """The access with the terms that the detail of an event has."""
    names, seconds, approvers = detail.get("patterns"), detail.get("duration"), detail.get("approvers")
    return RecordedAccess(
        requester=detail.get("requester", known.requester),
        integration=detail.get("integration", known.integration),
        permission=detail.get("permission", known.permission),
        names=known.names if names is None else tuple(names),
        length=known.length if seconds is None else timedelta(seconds=seconds),
        until=_time(detail.get("until")) or known.until,
        approvers=known.approvers if approvers is None else tuple(approvers),
        since=known.since,
        ended=known.ended,
        adopted=known.adopted,
        written_off=known.written_off,
        whole=known.whole or approvers is not None,
    )


def _time(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


def _also(approvers: tuple[str, ...], actor: str) -> tuple[str, ...]:
    return approvers if actor == APPLICATION or actor in approvers else (*approvers, actor)
