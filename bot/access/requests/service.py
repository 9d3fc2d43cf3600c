"""Requests: submit, extend, cancel, expire. Who says yes to them is in `approvals`."""

from dataclasses import dataclass, replace
from datetime import timedelta

from bot.access.errors import AccessError, Conflict, LostRace, NotFound, Outage
from bot.access.ids import APPLICATION
from bot.access.lifecycle.requests import audience_of, describe_end, enqueue_outcome, expire, show_outcome
from bot.access.models.columns import CredentialKind
from bot.access.models.grants import Grant
from bot.access.models.messages import MessageKind
from bot.access.models.request_details import RequestDetails
from bot.access.models.requests import AccessRequest
from bot.access.policy.current import CurrentPolicy
from bot.access.ports import Clock
from bot.access.requests.approvals import Approvals
from bot.access.requests.drafts import Draft as Draft  # noqa: PLC0414 (whoever files a request needs both)
from bot.access.requests.drafts import read_draft
from bot.access.requests.duplicates import find_duplicate
from bot.access.requests.extensions import check_extension
from bot.access.requests.filing import apply_plan
from bot.access.requests.limits import check_limits, take_turn
from bot.access.requests.on_behalf import find_person, is_theirs
from bot.access.requests.routing import ParsedRequest, Plan, Routing
from bot.access.states import LIVE, RequestState
from bot.access.store.store import Store
from bot.access.store.transaction import Transaction

ROUTE_AGAIN = timedelta(seconds=5)
"""Before another look at who has to be asked, when Slack or the cluster did not answer."""

_BATCH = 100

_TRIES = 3
"""To extend a grant that a worker is changing: it changes once when it is delivered, and once when it ends."""


@dataclass(frozen=True)
class FilingResult:
    """A request that was stored. `plan` is `None` while nobody could be asked, because something does not answer.

    `twin`: nothing was stored, since its requester has this already or waits for it; `request` is that one's.
    """

    request: AccessRequest
    plan: Plan | None
    duplicate: RequestDetails | None = None


@dataclass(frozen=True)
class Requests:
    """What people do with their own requests. Each method raises an `AccessError` that tells what was wrong."""

    store: Store
    routing: Routing
    approvals: Approvals
    current: CurrentPolicy
    clock: Clock

    def parsed(self, actor: str, draft: Draft) -> ParsedRequest:
        """Reads a draft. Raises `InvalidRequest` for what is wrong with it by itself, `Outage`."""
        requester = find_person(self.routing.directory, draft.for_whom) if draft.for_whom else actor
        parsed = read_draft(self.current.policy, requester, draft)
        return parsed if requester == actor else replace(parsed, asked_by=actor)

    def explain(self, requester: str, draft: Draft, *, unfinished: bool = False) -> tuple[ParsedRequest, Plan]:
        """What would become of a draft. Files nothing. Raises `AccessError`, `Outage`.

        `unfinished`: as `Routing.plan` has it.
        """
        parsed = self.parsed(requester, draft)
        return parsed, self.routing.plan(parsed, unfinished=unfinished)

    def submit(self, requester: str, draft: Draft) -> FilingResult:
        """Checks and files a request, and owes each of its owners a message about it."""
        return self._submit(self.parsed(requester, draft), again=draft.again)

    def extend(self, actor: str, grant_id: str, duration: str) -> FilingResult:
        """Files a request to prolong a live grant by that duration; it goes the way of any other."""
        for _ in range(_TRIES):
            try:
                return self._extend(actor, grant_id, duration)
            except LostRace:
                continue  # it was changed meanwhile, by a worker perhaps, and may still be alive
        raise Conflict(f"{grant_id} has just changed. See /es-access status {grant_id}, then ask again.")

    def _extend(self, actor: str, grant_id: str, duration: str) -> FilingResult:
        with self.store.reading() as read:
            original, grant = read.request(grant_id), read.grant(grant_id)
            asked = read.pending_extensions([grant_id])
        if original is None or original.requester != actor:
            raise NotFound(grant_id)
        if asked:
            raise Conflict(f"You have already asked to extend {grant_id}: {asked[0].id} is waiting for an owner.")
        if grant is None or grant.state not in LIVE:
            raise Conflict(f"{grant_id} is not active, so it cannot be extended. Ask for access anew.")
        parsed = replace(self.parsed(actor, _draft_of(original, duration)), extension=True)
        return self._submit(parsed, grant)

    def cancel(self, request_id: str, actor: str) -> RequestDetails:
        """Takes one's own pending request back."""
        with self.store.reading() as read:
            request = read.request(request_id)
        if request is None or not is_theirs(request, actor):
            raise NotFound(request_id)
        if request.state is not RequestState.PENDING:
            raise Conflict(describe_end(request))
        now = self.clock.now()
        try:
            with self.store.writing() as write:
                write.move(request, RequestState.CANCELLED, actor, now, decided_by=actor, decided_at=now)
                show_outcome(write, request, now)
                write.enqueue(
                    request.id, MessageKind.OUTCOME, [each for each in audience_of(request) if each != actor], now
                )
                return write.request_details(request.id)
        except LostRace:
            self.approvals.raise_conflict(request_id)

    def expire_overdue(self) -> int:
        """Ends the pending requests that nobody decided in time, and tells their requesters. Returns how many."""
        now = self.clock.now()
        with self.store.writing() as write:
            overdue = write.overdue_requests(now, _BATCH)
            for request in overdue:
                expire(write, request, now)
        return len(overdue)

    def route_waiting(self) -> None:
        """Asks the owners of the requests that were filed while Slack or the cluster did not answer."""
        with self.store.reading() as read:
            waiting = read.unrouted_requests(self.clock.now(), _BATCH)
        for request in waiting:
            self._route(request)

    def _submit(self, parsed: ParsedRequest, extended: Grant | None = None, *, again: bool = False) -> FilingResult:
        now = self.clock.now()
        request = AccessRequest(
            id="",
            requester=parsed.requester,
            integration=parsed.integration.name,
            patterns=list(parsed.patterns),
            permission=parsed.permission.name,
            duration=int((parsed.duration or timedelta(0)).total_seconds()),
            reason=parsed.reason,
            kind=parsed.kind or CredentialKind.PASSWORD,
            extends=extended.id if extended else None,
            owners=[],
            created_at=now,
            pending_until=now + self.current.policy.pending_for,
            asked_by=parsed.asked_by,
            break_glass=parsed.break_glass,
        )
        try:
            plan = self._plan(request, parsed)
        except Outage as error:
            return self._file_unrouted(request, extended, error, again=again)
        request = _planned(request, parsed, plan)
        with self.store.writing() as write:
            same = self._same(write, request, again=again or extended is not None)
            if same is not None:
                return FilingResult(same.request, None, same)
            _file(write, request, extended)
            apply_plan(write, request, plan, self.approvals, self.clock.now())
        return FilingResult(request, plan)

    def _same(self, write: Transaction, request: AccessRequest, *, again: bool) -> RequestDetails | None:
        """What its requester has already that gives the same. Raises `NotAllowed` where they ask for too much."""
        actor = request.asked_by or request.requester
        for person in sorted({request.requester, actor}):
            take_turn(write, person)
        same = None if again else find_duplicate(write, request)
        if same is None:
            check_limits(write, self.current.policy, actor, self.clock.now(), waits=not request.break_glass)
        return same

    def _file_unrouted(
        self, request: AccessRequest, extended: Grant | None, error: Outage, *, again: bool
    ) -> FilingResult:
        if request.duration == 0:
            raise error  # without a duration there is nothing to show an owner, nor to keep
        request.route_at = request.created_at + ROUTE_AGAIN
        with self.store.writing() as write:
            same = self._same(write, request, again=again or extended is not None)
            if same is not None:
                return FilingResult(same.request, None, same)
            _file(write, request, extended)
            write.audit("request.waits", APPLICATION, request.created_at, request.id, error=str(error))
        return FilingResult(request, None)

    def _route(self, request: AccessRequest) -> None:
        outcome = self._outcome(request)
        now = self.clock.now()
        try:
            with self.store.writing() as write:
                if request.extends is not None:
                    write.lock_grant(request.extends)  # before its extension, as `Approvals.approve` does
                write.lock_request(request)
                if request.route_at is None:
                    return  # another process was here
                if isinstance(outcome, Plan):
                    write.amend(request, route_at=None)
                    apply_plan(write, request, outcome, self.approvals, now)
                elif isinstance(outcome, AccessError):
                    write.move(
                        request, RequestState.CANCELLED, APPLICATION, now,
                        decided_at=now, decision_reason=outcome.message, route_at=None,
                    )  # fmt: skip
                    enqueue_outcome(write, request, now)
                else:
                    write.amend(request, route_at=now + ROUTE_AGAIN)
        except LostRace:
            return  # it was taken back, or the grant that it would prolong is about to end

    def _outcome(self, request: AccessRequest) -> Plan | AccessError | Outage:
        try:
            return self._plan(request, self._wish_of(request))
        except (AccessError, Outage) as error:
            return error

    def _plan(self, request: AccessRequest, parsed: ParsedRequest) -> Plan:
        plan = self.routing.plan(parsed)
        if request.extends is not None:
            with self.store.reading() as read:
                original, grant = read.request(request.extends), read.grant(request.extends)
            if original is None or grant is None:
                raise NotFound(request.extends)
            check_extension(original, grant, plan, parsed, self.clock.now())
        return plan

    def _wish_of(self, request: AccessRequest) -> ParsedRequest:
        parsed = self.parsed(request.requester, _draft_of(request, ""))
        extension = request.extends is not None
        parsed = replace(parsed, extension=extension, asked_by=request.asked_by, break_glass=request.break_glass)
        return replace(parsed, duration=request.length)


def _draft_of(request: AccessRequest, duration: str) -> Draft:
    patterns = ",".join(request.patterns)
    # Before its access flow is known, a password is what it has until the flow says otherwise.
    kind = request.kind if request.flow or request.kind is not CredentialKind.PASSWORD else None
    return Draft(patterns, duration, request.permission, request.reason, request.integration, kind)


def _planned(request: AccessRequest, parsed: ParsedRequest, plan: Plan) -> AccessRequest:
    """The request with what tells it from others of the same person."""
    request.flow, request.kind = plan.flow.name, plan.kind
    request.privileges = parsed.permission.stored()
    request.resolved = list(plan.resolved) if plan.resolved is not None else None
    return request


def _file(write: Transaction, request: AccessRequest, extended: Grant | None) -> None:
    write.file(request)
    if extended is not None:
        # Fails when the grant has ended meanwhile, or was asked for already: neither would see this request.
        event = "grant.extension_requested"
        write.change(extended, event, request.requester, request.created_at, {"request": request.id})
    write.audit(
        "request.submitted", request.requester, request.created_at, request.id,
        patterns=request.patterns, permission=request.permission, duration=request.duration,
        integration=request.integration, extends=request.extends, reason=request.reason,
    )  # fmt: skip
