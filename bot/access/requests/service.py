"""Requests: submit, extend, cancel, expire. Their approval is in `approvals`."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from bot.access.errors import AccessError, Conflict, LostRace, NotFound, Outage, Refusal
from bot.access.ids import APPLICATION
from bot.access.intervals import ROUTE_AGAIN
from bot.access.lifecycle.direct_messages import DirectMessages
from bot.access.lifecycle.requests import audience_of, describe_end, enqueue_outcome, expire, show_outcome
from bot.access.models.columns import CredentialKind
from bot.access.models.grants import Grant
from bot.access.models.messages import MessageKind
from bot.access.models.request_details import RequestDetails
from bot.access.models.requests import AccessRequest
from bot.access.policy.current import CurrentPolicy
from bot.access.policy.names.selectors import privileges_beside_name
from bot.access.policy.reasons import checked_reason
from bot.access.ports import Clock
from bot.access.requests.approvals import Approvals, lock_with_grant
from bot.access.requests.approver_eligibility import is_own_request
from bot.access.requests.break_glass import tell_owners
from bot.access.requests.drafts import Draft, ParsedRequest, read_draft, read_duration, read_request
from bot.access.requests.duplicates import commands_for_longer, find_duplicate
from bot.access.requests.filing import file_plan, file_request, plan_columns, replace_plan
from bot.access.requests.fresh_decision import FreshDecision, decide_again, plan_request, read_again
from bot.access.requests.limits import check_limits, check_limits_early, check_limits_of, serialize_filing
from bot.access.requests.membership import find_person
from bot.access.requests.routing import Plan, Routing
from bot.access.states import LIVE, RequestState
from bot.access.store.store import Store
from bot.access.store.transaction import Transaction

_BATCH = 100

_TRIES = 3
"""Attempts to extend a grant that workers change: it changes once at delivery and once at its end."""

OLD_CATALOGUE = timedelta(seconds=90)
"""A cluster that answers is read again within a minute, which takes some seconds."""


@dataclass(frozen=True)
class Submission:
    """The result of a submitted draft. `plan` is `None` while the request waits for Slack or the cluster to answer.

    `duplicate`: nothing was stored, because the requester already has the same access or has asked for it. `request`
    is then the earlier one, and `longer` are the commands to have that for as long as was asked now, if it ends before.
    `for_whom` is the requester, if somebody else asks.
    """

    request: AccessRequest
    plan: Plan | None
    duplicate: RequestDetails | None = None
    for_whom: str | None = None
    longer: tuple[str, ...] = ()


@dataclass(frozen=True)
class Requests:
    """Actions of people on their own requests. Each method raises an `AccessError` that explains a failure."""

    store: Store
    routing: Routing
    approvals: Approvals
    current: CurrentPolicy
    clock: Clock
    direct_messages: DirectMessages

    def parse(self, actor: str, draft: Draft) -> ParsedRequest:
        """Parses a draft. Raises `InvalidRequest` for an invalid part, and `Outage`."""
        requester = find_person(self.routing.directory, draft.for_whom) if draft.for_whom else actor
        parsed = read_draft(self.current.policy, requester, draft)
        return parsed if requester == actor else replace(parsed, asked_by=actor)

    def explain(self, requester: str, draft: Draft, *, unfinished: bool = False) -> tuple[ParsedRequest, Plan]:
        """The plan of a draft, without filing it. Raises `AccessError`, `Outage`.

        `unfinished`: see `Routing.plan`.
        """
        parsed = self.parse(requester, draft)
        return parsed, self.routing.plan(parsed, fresh=False, unfinished=unfinished)

    def remembered_since(self, integration: str) -> datetime | None:
        """When the resources of a cluster were read, if it has not answered since; `None` if they are current."""
        try:
            read_at = self.routing.clusters[integration].catalogue().read_at
        except (Outage, Refusal):
            return None  # then nothing was answered from memory either
        is_old = read_at is not None and self.clock.now() - read_at > OLD_CATALOGUE
        return read_at if is_old else None

    def submit(self, requester: str, draft: Draft) -> Submission:
        """Checks and files a request, and enqueues a message to each of its owners."""
        if draft.for_whom:  # otherwise `_submit` checks the limits before anybody is asked anything
            with self.store.reading() as read:
                check_limits(read, self.current.policy, requester, self.clock.now(), waits=not draft.break_glass)
        parsed = self.parse(requester, draft)
        self.direct_messages.check(requester)
        submission = self._submit(parsed, again=draft.again)
        return replace(submission, for_whom=parsed.requester if parsed.asked_by else None)

    def extend(self, actor: str, grant_id: str, duration: str, reason: str = "") -> Submission:
        """Files a request to extend a live grant by that duration. It is decided like any other.

        Without a reason of its own it has that of the original.
        """
        for _ in range(_TRIES):
            try:
                return self._extend(actor, grant_id, duration, reason)
            except LostRace:
                continue  # something changed it, perhaps a worker, and it may still be live
        raise Conflict(f"{grant_id} has just changed. See /es-access status {grant_id}, then ask again.")

    def _extend(self, actor: str, grant_id: str, duration: str, reason: str) -> Submission:
        with self.store.reading() as read:
            original, grant = read.request(grant_id), read.grant(grant_id)
            asked = read.pending_extensions([grant_id])
        if original is None or original.requester != actor:
            raise NotFound(grant_id)
        if asked:
            raise Conflict(f"You have already asked to extend {grant_id}: {asked[0].id} is waiting for an owner.")
        if grant is None or grant.state not in LIVE:
            raise Conflict(f"{grant_id} is not active, so it cannot be extended. Ask for access anew.")
        parsed = read_request(self.current.policy, original)
        length = read_duration(self.current.policy, duration, f"/es-access extend {grant_id}")
        # The requester asks for more time in the usual way, however the original was filed.
        parsed = replace(
            parsed, duration=length, extension=True, asked_by=None, first_asked_by=original.asked_by, break_glass=False,
            reason=checked_reason(reason) or parsed.reason,
        )  # fmt: skip
        return self._submit(parsed, grant)

    def cancel(self, request_id: str, actor: str) -> RequestDetails:
        """Cancels a pending request of the actor's own, or one that extends access that they asked for."""
        with self.store.reading() as read:
            request = read.request(request_id)
            grant = read.grant(request.extends or request_id) if request else None
        if request is None or not is_own_request(request, actor):
            raise NotFound(request_id)
        if request.state is not RequestState.PENDING:
            raise Conflict(describe_end(request, grant))
        now = self.clock.now()
        try:
            with self.store.writing() as write:
                write.move(request, RequestState.CANCELLED, actor, now, decided_by=actor, decided_at=now)
                show_outcome(write, request, now)
                others = [each for each in audience_of(request) if each != actor]
                write.enqueue(request.id, MessageKind.OUTCOME, others, now)
                return write.request_details(request.id)
        except LostRace:
            self.approvals.raise_conflict(request_id)

    def untold(self, request_ids: Sequence[str]) -> Sequence[AccessRequest]:
        """Those of these requests whose outcome Slack did not take as a message to the person who waits for it."""
        with self.store.reading() as read:
            return [each.request for each in read.all_request_details(read.refused_outcomes(request_ids))]

    def expire_overdue(self) -> int:
        """Ends the pending requests that nobody decided in time, and tells their requesters. Returns their number."""
        now = self.clock.now()
        with self.store.writing() as write:
            overdue = write.overdue_requests(now, _BATCH)
            for request in overdue:
                expire(write, request, now)
        return len(overdue)

    def waiting_integrations(self) -> Sequence[str]:
        """The integrations with requests for `route_waiting`, whether or not the policy still has them."""
        with self.store.reading() as read:
            return read.unrouted_integrations(self.clock.now())

    def route_waiting(self, only: str | None = None) -> None:
        """Routes the requests, of one integration or of all, that Slack or the cluster did not answer about."""
        for integration in self.waiting_integrations() if only is None else [only]:
            with self.store.reading() as read:
                waiting = read.unrouted_requests(self.clock.now(), integration, _BATCH)
            for request in waiting:
                self._route(request)

    def _submit(self, parsed: ParsedRequest, extended: Grant | None = None, *, again: bool = False) -> Submission:
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
            kind_named=parsed.kind is not None,
            extends=extended.id if extended else None,
            owners=[],
            created_at=now,
            pending_until=now + self.current.policy.pending_for,
            asked_by=parsed.asked_by,
            first_asked_by=parsed.first_asked_by,
            break_glass=parsed.break_glass,
            privileges=privileges_beside_name(parsed.permission),
        )
        again = again or extended is not None
        with self.store.reading() as read:
            check_limits_early(read, self.current.policy, request, now, again=again)
        try:
            plan = plan_request(self.store, self.routing, request, parsed)
        except Outage as error:
            return self._file_unrouted(request, parsed, extended, error, again=again)
        for name, value in plan_columns(plan).items():
            setattr(request, name, value)
        with self.store.writing() as write:
            duplicate = self._check_new(write, request, again=again)
            if duplicate is not None:
                longer = commands_for_longer(duplicate, request.length, parsed, now)
                return Submission(duplicate.request, None, duplicate, longer=longer)
            file_request(write, request, extended)
            self._put_first(write, request, plan, self.clock.now())
        return Submission(request, plan)

    def _put_first(self, write: Transaction, request: AccessRequest, plan: Plan, now: datetime) -> None:
        file_plan(write, request, plan, now)
        if plan.by_rule:
            self.approvals.approve_by_rule(write, request, now)
        if plan.flow.break_glass:
            tell_owners(write, request, plan, now)

    def _check_new(self, write: Transaction, request: AccessRequest, *, again: bool) -> RequestDetails | None:
        """An earlier request that gives the same access. Raises `NotAllowed` for a person at a limit."""
        for person in sorted({request.requester, request.asked_by or request.requester}):
            serialize_filing(write, person)
        duplicate = None if again else find_duplicate(write, request)
        if duplicate is None:
            check_limits_of(write, self.current.policy, request, self.clock.now())
        return duplicate

    def _file_unrouted(
        self, request: AccessRequest, parsed: ParsedRequest, extended: Grant | None, error: Outage, *, again: bool
    ) -> Submission:
        if request.duration == 0:
            raise error  # a flow's default duration is unknown before routing, and a request needs a duration
        request.route_at = request.created_at + ROUTE_AGAIN
        with self.store.writing() as write:
            duplicate = self._check_new(write, request, again=again)
            if duplicate is not None:
                longer = commands_for_longer(duplicate, request.length, parsed, request.created_at)
                return Submission(duplicate.request, None, duplicate, longer=longer)
            file_request(write, request, extended)
            write.audit("request.waits", APPLICATION, request.created_at, request.id, error=str(error))
        return Submission(request, None)

    def _route(self, request: AccessRequest) -> None:
        outcome = self._try_to_plan(request)
        now = self.clock.now()
        try:
            with self.store.writing() as write:
                lock_with_grant(write, request)
                if request.route_at is None:
                    return  # another process has routed it
                if isinstance(outcome, Plan):
                    write.amend(request, route_at=None)
                    self._put_first(write, request, outcome, now)
                elif isinstance(outcome, FreshDecision):
                    self._put_again(write, request, outcome, now)
                elif isinstance(outcome, AccessError):
                    write.move(
                        request, RequestState.CANCELLED, APPLICATION, now,
                        decided_at=now, decision_reason=outcome.message, route_at=None,
                    )  # fmt: skip
                    enqueue_outcome(write, request, now)
                else:
                    write.amend(request, route_at=now + ROUTE_AGAIN)
        except (LostRace, Conflict):
            return  # it was cancelled, the grant that it extends is ending, or its account is given to somebody else

    def _try_to_plan(self, request: AccessRequest) -> Plan | FreshDecision | AccessError | Outage:
        policy = self.current.policy
        try:
            if request.flow:  # its owners were asked, and have approved it while the cluster did not answer
                return decide_again(self.store, self.routing, request, read_again(policy, request))
            return plan_request(self.store, self.routing, request, read_request(policy, request))
        except (AccessError, Outage) as error:
            return error

    def _put_again(self, write: Transaction, request: AccessRequest, fresh: FreshDecision, now: datetime) -> None:
        if not fresh.is_about(write.request_details(request.id)):
            return  # it has changed since; the next attempt takes the change into account
        write.amend(request, route_at=None)
        replace_plan(write, request, fresh.plan, fresh.standing, now, same=True)
        self.approvals.complete_if_approved(write, request, now)
        write.refresh(request.id, [MessageKind.APPROVAL], now)
