"""Break-glass: access without approval. Its owners are told at once, and one of them has to review it."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import NoReturn

from bot.access.errors import Conflict, LostRace, NotAllowed, NotFound, Outage
from bot.access.ids import APPLICATION
from bot.access.intervals import REMIND_OF_REVIEW_EVERY
from bot.access.models.messages import MessageKind
from bot.access.models.request_details import RequestDetails
from bot.access.models.requests import AccessRequest
from bot.access.owners import MOST_ASKED, group_owners, integration_owners
from bot.access.policy.current import CurrentPolicy
from bot.access.ports import Clock, Directory
from bot.access.requests.approvals import Approvals
from bot.access.requests.approver_eligibility import check_may_review, eligible_reviewers, is_guest
from bot.access.requests.routing import Plan
from bot.access.states import RequestState
from bot.access.store.store import Store
from bot.access.store.transaction import Transaction

_BATCH = 100


def tell_owners(write: Transaction, request: AccessRequest, plan: Plan, now: datetime) -> None:
    """Enqueues the message that asks the owners, and the channel of the flow, for a review."""
    write.audit(
        "request.break_glass", request.asked_by or request.requester, now, request.id,
        flow=plan.flow.name, reason=request.reason, told=list(plan.watchers), channel=request.channel,
    )  # fmt: skip
    channel = [request.channel] if request.channel else []
    write.enqueue(request.id, MessageKind.BREAK_GLASS, [*plan.watchers, *channel], now)


@dataclass(frozen=True)
class BreakGlass:
    """Reviews of break-glass access, and reminders of missing ones."""

    store: Store
    approvals: Approvals
    directory: Directory
    current: CurrentPolicy
    clock: Clock

    def review(self, request_id: str, actor: str) -> RequestDetails:
        """Stores an owner's review; one is enough. Raises `AccessError`, `Outage`."""
        with self.store.reading() as read:
            request = read.request(request_id)
        if request is None or not request.break_glass or request.state is not RequestState.APPROVED:
            raise NotFound(request_id)
        self._check_reviewer(request, actor)
        now = self.clock.now()
        try:
            with self.store.writing() as write:
                write.record_review(request, actor, now)
                write.audit("request.reviewed", actor, now, request_id)
                write.refresh(request_id, [MessageKind.BREAK_GLASS], now)
                return write.request_details(request_id)
        except LostRace:
            self._raise_conflict(request_id)

    def remind_due(self) -> None:
        """Reminds the owners of access that nobody has reviewed for a day. It stays due during an outage."""
        now = self.clock.now()
        with self.store.reading() as read:
            due = read.reviews_due(now, _BATCH)
        for request in due:
            with suppress(Outage):
                self._remind(request, now)

    def _remind(self, request: AccessRequest, now: datetime) -> None:
        people = self._reviewers(request)[:MOST_ASKED]
        with self.store.writing() as write:
            if not write.postpone_review(request, now + REMIND_OF_REVIEW_EVERY):
                return
            # After days without Slack one message is enough: the last one is still to come.
            waiting = write.awaiting_post(request.id, MessageKind.BREAK_GLASS)
            people = [each for each in people if each not in waiting]
            if people:
                write.audit("request.review_reminded", APPLICATION, now, request.id, to=people)
                write.enqueue(request.id, MessageKind.BREAK_GLASS, people, now, about=now.isoformat())

    def _check_reviewer(self, request: AccessRequest, actor: str) -> None:
        """Raises `NotAllowed` or `NotFound` if the actor may not review the request."""
        check_may_review(request, actor)
        if actor in self._reviewers(request) and not is_guest(self.directory, actor):
            return
        if actor in request.owners or self.approvals.may_end(request, actor):
            raise NotAllowed(f"Only its owners review {request.id}, and you are not one of them.")
        raise NotFound(request.id)

    def _reviewers(self, request: AccessRequest) -> Sequence[str]:
        """The current owners, or the integration owners if none of them is left."""
        with self.store.reading() as read:
            groups = read.request_details(request.id).groups
        people = eligible_reviewers(group_owners(self.directory, *groups), request)
        if people:
            return people
        integration = self.current.policy.find_integration(request.integration)
        return eligible_reviewers(integration_owners(self.directory, integration), request)

    def _raise_conflict(self, request_id: str) -> NoReturn:
        """Raises `Conflict` with the earlier reviewer."""
        with self.store.reading() as read:
            request = read.request_details(request_id).request
        raise Conflict(f"{request_id} was already reviewed by <@{request.reviewed_by}>. Nothing was changed.")
