"""Requests: submit, approve, deny, cancel, expire."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NoReturn

from bot.access.durations import parse_duration
from bot.access.errors import AccessError, Conflict, InvalidRequest, LostRace, NotAllowed, NotFound, Outage, Refusal
from bot.access.models import AccessRequest, Approval, Grant, MessageKind
from bot.access.patterns import matching, nearest, parse_patterns
from bot.access.policy import LONGEST_REASON, Integration, Policy, permission_named
from bot.access.ports import Clock, Clusters, Directory, Store, Story, Transaction
from bot.access.states import LIVE, GrantState, RequestState

APPLICATION = "es-access"
"""The actor of what nobody clicked."""

MOST_OWNERS = 20
"""Owners who get a message of their own about one request: more would be noise, and anyone may still decide."""

_BATCH = 100

_SHOWN = "\u200d\ufe0f"
"""Not printable by Unicode's word, and still part of what is seen: they join and colour emoji."""


@dataclass(frozen=True)
class Draft:
    """A request as it was typed."""

    patterns: str
    duration: str
    permission: str = "read"
    reason: str = ""
    integration: str | None = None


@dataclass(frozen=True)
class Filed:
    """A request that was stored. `matched` is `None` when the cluster could not be asked."""

    request: AccessRequest
    matched: Sequence[str] | None


@dataclass(frozen=True)
class Requests:
    """What people do with requests. Each method raises an `AccessError` that tells the caller what was wrong."""

    store: Store
    clusters: Clusters
    directory: Directory
    policy: Policy
    clock: Clock
    username_prefix: str = "es-access-"

    def submit(self, requester: str, draft: Draft) -> Filed:
        """Checks and files a request, and owes each owner a message about it. Raises `Outage` of the directory."""
        integration = self.policy.integration(draft.integration)
        patterns = parse_patterns(draft.patterns)
        duration = parse_duration(draft.duration, self.policy.longest)
        permission = permission_named(draft.permission)
        reason = _checked_reason(draft.reason)
        matched = self._matched(integration, patterns)
        request = self._new(requester, integration, patterns, permission.name, duration, reason)
        return Filed(self._file(request), matched)

    def extend(self, actor: str, grant_id: str, duration: str) -> AccessRequest:
        """Files a request to prolong an active grant by that duration; it goes to the owners like any other."""
        length = parse_duration(duration, self.policy.longest)
        with self.store.reading() as read:
            original, grant = read.request(grant_id), read.grant(grant_id)
            asked = read.pending_extensions(grant_id)
        if original is None or original.requester != actor:
            raise NotFound(grant_id)
        if asked:
            raise Conflict(f"You have already asked to extend {grant_id}: {asked[0].id} is waiting for an owner.")
        if grant is None or grant.state not in LIVE:
            raise Conflict(f"{grant_id} is not active, so it cannot be extended. Ask for access anew.")
        integration = self.policy.integration(original.integration)
        request = self._new(actor, integration, tuple(original.patterns), original.permission, length, original.reason)
        request.extends = grant_id
        try:
            return self._file(request, grant)
        except LostRace:
            raise Conflict(f"{grant_id} has just changed. See /es-access status {grant_id}, then ask again.") from None

    def approve(self, request_id: str, actor: str) -> Story:
        """Persists the approval and the grant that follows from it; workers do the rest. Raises `Outage`."""
        request = self.open_to(request_id, actor)
        now = self.clock.now()
        try:
            with self.store.writing() as write:
                # A grant before its extension, as when a grant ends: else the two could wait for each other.
                self._prolong(write, request, actor, now)
                write.move(request, RequestState.APPROVED, actor, now, decided_by=actor, decided_at=now)
                write.add(Approval(request_id=request.id, approver=actor, approved=True, at=now))
                self._grant(write, request, now)
                write.refresh(request.id, [MessageKind.APPROVAL], now)
                return write.story(request.id)
        except LostRace:
            self._lost(request_id)

    def deny(self, request_id: str, actor: str, reason: str = "") -> Story:
        """Persists the denial; the requester is told by whom and why. Raises `Outage`."""
        reason = _checked_reason(reason)
        request = self.open_to(request_id, actor)
        now = self.clock.now()
        try:
            with self.store.writing() as write:
                write.move(
                    request, RequestState.DENIED, actor, now,
                    decided_by=actor, decided_at=now, decision_reason=reason,
                )  # fmt: skip
                write.add(Approval(request_id=request.id, approver=actor, approved=False, reason=reason, at=now))
                tell_outcome(write, request, now)
                return write.story(request.id)
        except LostRace:
            self._lost(request_id)

    def cancel(self, request_id: str, actor: str) -> Story:
        """Takes one's own pending request back."""
        with self.store.reading() as read:
            request = read.request(request_id)
        if request is None or request.requester != actor:
            raise NotFound(request_id)
        if request.state is not RequestState.PENDING:
            raise Conflict(describe_end(request))
        now = self.clock.now()
        try:
            with self.store.writing() as write:
                write.move(request, RequestState.CANCELLED, actor, now, decided_by=actor, decided_at=now)
                write.refresh(request.id, [MessageKind.APPROVAL], now)
                return write.story(request.id)
        except LostRace:
            self._lost(request_id)

    def expire_overdue(self) -> int:
        """Ends the pending requests that nobody decided in time, and tells their requesters. Returns how many."""
        now = self.clock.now()
        with self.store.writing() as write:
            overdue = write.overdue_requests(now, _BATCH)
            for request in overdue:
                self._expire(write, request, now)
        return len(overdue)

    def may_decide(self, request: AccessRequest, actor: str) -> bool:
        """Whether this person is an owner now, whoever was asked at the time. Raises `Outage`."""
        return actor in self.directory.members(self.policy.integration(request.integration).owners).users

    def _matched(self, integration: Integration, patterns: Sequence[str]) -> Sequence[str] | None:
        try:
            names = self.clusters[integration.name].resources()
        except (Outage, Refusal):
            return None  # the request is worth filing all the same: the owners decide on the pattern
        for pattern in patterns:
            if not matching([pattern], names):
                near = nearest(pattern, names)
                hint = f" Did you mean {', '.join(near)}?" if near else ""
                raise InvalidRequest(
                    f"“{pattern}” matches nothing that exists.{hint}",
                    f"/es-access {near[0] if near else 'logs-*'} 1h",
                )
        return matching(patterns, names)

    def _new(
        self,
        requester: str,
        integration: Integration,
        patterns: Sequence[str],
        permission: str,
        duration: timedelta,
        reason: str,
    ) -> AccessRequest:
        now = self.clock.now()
        return AccessRequest(
            id="",
            requester=requester,
            integration=integration.name,
            patterns=list(patterns),
            permission=permission,
            duration=int(duration.total_seconds()),
            reason=reason,
            owners=self._who_is_asked(integration, requester),
            created_at=now,
            pending_until=now + self.policy.pending_for,
        )

    def _who_is_asked(self, integration: Integration, requester: str) -> list[str]:
        members = self.directory.members(integration.owners)
        others = [user for user in members.users if user != requester]
        if others:
            return others[:MOST_OWNERS]
        why = "You are its only owner" if members.users else "None of its owners can be reached in Slack"
        raise AccessError(
            f"Nobody can approve this: {why}, and nobody approves their own request. "
            f"Ask an administrator to add an owner to the integration {integration.name}."
        )

    def _file(self, request: AccessRequest, extended: Grant | None = None) -> AccessRequest:
        with self.store.writing() as write:
            request = write.file(request)
            if extended is not None:
                # Fails when the grant has ended meanwhile, or was asked for already: neither would see this request.
                event = "grant.extension_requested"
                write.change(extended, event, request.requester, request.created_at, {"request": request.id})
            write.audit(
                "request.submitted", request.requester, request.created_at, request.id,
                patterns=request.patterns, permission=request.permission, duration=request.duration,
                integration=request.integration, extends=request.extends, owners=request.owners,
            )  # fmt: skip
            write.owe(request.id, MessageKind.APPROVAL, request.owners, request.created_at)
        return request

    def open_to(self, request_id: str, actor: str) -> AccessRequest:
        """The pending request, if this person may decide it now. Raises `AccessError`, `Outage`."""
        with self.store.reading() as read:
            request = read.request(request_id)
        if request is None:
            raise NotFound(request_id)
        if actor == request.requester:
            raise NotAllowed(f"You asked for {request_id} yourself, so somebody else has to decide.")
        if not self.may_decide(request, actor):
            if actor in request.owners:
                raise NotAllowed(
                    f"You are no longer an owner of {request.integration}, so you cannot decide {request_id}."
                )
            raise NotFound(request_id)
        if request.state is not RequestState.PENDING:
            raise Conflict(describe_end(request))
        now = self.clock.now()
        if request.pending_until <= now:
            with self.store.writing() as write:
                self._expire(write, request, now)
            self._lost(request_id)
        return request

    def _prolong(self, write: Transaction, request: AccessRequest, actor: str, now: datetime) -> None:
        if request.extends is None:
            return
        grant = write.grant(request.extends)
        if grant is None or grant.state is not GrantState.ACTIVE or grant.expires_at <= now:
            raise LostRace(request.extends)
        until = grant.expires_at + request.length
        write.change(grant, "grant.extended", actor, now, expires_at=until, due_at=until)

    def _grant(self, write: Transaction, request: AccessRequest, now: datetime) -> None:
        if request.extends is not None:
            write.refresh(request.extends, [MessageKind.APPROVAL], now)
            write.owe(request.id, MessageKind.OUTCOME, [request.requester], now)
            return
        write.add(
            Grant(
                id=request.id,
                username=self.username_prefix + request.id.removeprefix("REQ-").lower(),
                state=GrantState.PROVISIONING,
                created_at=now,
                expires_at=now + request.length,
                due_at=now,
            )
        )
        write.owe(request.id, MessageKind.CREDENTIAL, [request.requester], at=None)

    def _expire(self, write: Transaction, request: AccessRequest, now: datetime) -> None:
        try:
            write.move(request, RequestState.EXPIRED, APPLICATION, now, decided_at=now)
        except LostRace:
            return  # somebody decided at the last moment: that counts
        tell_outcome(write, request, now)

    def _lost(self, request_id: str) -> NoReturn:
        with self.store.reading() as read:
            request = read.request(request_id)
        if request is None:
            raise NotFound(request_id)
        if request.state is RequestState.PENDING and request.extends is not None:
            raise Conflict(f"{request.extends} has ended meanwhile, so there is nothing left to extend.")
        raise Conflict(describe_end(request))


def describe_end(request: AccessRequest) -> str:
    """How a request ended, as told to somebody who came too late."""
    by = f" by <@{request.decided_by}>" if request.decided_by else ""
    return f"{request.id} was already {request.state.value}{by}. Nothing was changed."


def tell_outcome(write: Transaction, request: AccessRequest, now: datetime) -> None:
    """Shows the end of a request in every owner's copy, and owes the requester a message about it."""
    write.refresh(request.id, [MessageKind.APPROVAL], now)
    write.owe(request.id, MessageKind.OUTCOME, [request.requester], now)


def _checked_reason(text: str) -> str:
    # Control and direction characters could make an owner read something else than was typed.
    reason = " ".join("".join(each for each in text if each.isprintable() or each in _SHOWN or each.isspace()).split())
    if len(reason) > LONGEST_REASON:
        raise InvalidRequest(f"The reason has {len(reason)} characters: at most {LONGEST_REASON} are shown to owners.")
    return reason
