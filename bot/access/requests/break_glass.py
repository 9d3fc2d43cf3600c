"""Break-glass: access that nobody was asked about. Its owners are told at once, and one of them has to review it."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NoReturn

from bot.access.errors import Conflict, LostRace, NotAllowed, NotFound, Outage
from bot.access.ids import APPLICATION
from bot.access.models.messages import MessageKind
from bot.access.models.request_details import RequestDetails
from bot.access.models.requests import AccessRequest
from bot.access.policy.current import MOST_ASKED, CurrentPolicy
from bot.access.ports import Clock, Directory
from bot.access.requests.approvals import Approvals
from bot.access.requests.on_behalf import is_theirs
from bot.access.requests.routing import Plan
from bot.access.states import RequestState
from bot.access.store.store import Store
from bot.access.store.transaction import Transaction

REMIND_EVERY = timedelta(days=1)
"""Until it is reviewed. More often would be noise; less often, and nobody remembers why the glass was broken."""

_BATCH = 100


def tell_owners(write: Transaction, request: AccessRequest, plan: Plan, now: datetime) -> None:
    """Owes its owners, and the channel of the flow, the message that asks for their review."""
    write.audit(
        "request.break_glass", request.asked_by or request.requester, now, request.id,
        flow=plan.flow.name, reason=request.reason, told=list(plan.watchers), channel=request.channel,
    )  # fmt: skip
    channel = [request.channel] if request.channel else []
    write.enqueue(request.id, MessageKind.BREAK_GLASS, [*plan.watchers, *channel], now)


@dataclass(frozen=True)
class BreakGlass:
    """The review, and the reminders until somebody has done it."""

    store: Store
    approvals: Approvals
    directory: Directory
    current: CurrentPolicy
    clock: Clock

    def review(self, request_id: str, actor: str) -> RequestDetails:
        """Persists that an owner has looked at it; one is enough. Raises `AccessError`, `Outage`."""
        with self.store.reading() as read:
            request = read.request(request_id)
        if request is None or not request.break_glass or request.state is not RequestState.APPROVED:
            raise NotFound(request_id)
        self._check_reviews(request, actor)
        now = self.clock.now()
        try:
            with self.store.writing() as write:
                write.record_review(request, actor, now)
                write.audit("request.reviewed", actor, now, request_id)
                write.refresh(request_id, [MessageKind.BREAK_GLASS], now)
                return write.request_details(request_id)
        except LostRace:
            self._lost(request_id)

    def remind_due(self) -> None:
        """Reminds the owners of what nobody has reviewed for a day. What cannot be looked up now stays due."""
        now = self.clock.now()
        with self.store.reading() as read:
            due = read.reviews_due(now, _BATCH)
        for request in due:
            with suppress(Outage):
                self._remind(request, now)

    def _remind(self, request: AccessRequest, now: datetime) -> None:
        people = self._reviewers(request)[:MOST_ASKED]
        with self.store.writing() as write:
            if write.postpone_review(request, now + REMIND_EVERY):
                write.audit("request.review_reminded", APPLICATION, now, request.id, to=list(people))
                write.enqueue(request.id, MessageKind.BREAK_GLASS, people, now, about=now.isoformat())

    def _check_reviews(self, request: AccessRequest, actor: str) -> None:
        """Raises `NotAllowed`, `NotFound` for whoever does not review that request."""
        if is_theirs(request, actor):
            raise NotAllowed(f"You asked for {request.id} yourself, so somebody else has to review it.")
        # A guest in a large group is taken as Slack lists it, and nobody in it is looked at but here.
        if actor in self._reviewers(request) and actor in self.directory.members((actor,)).users:
            return
        if actor in request.owners or self.approvals.may_end(request, actor):
            raise NotAllowed(f"Only its owners review {request.id}, and you are not one of them.")
        raise NotFound(request.id)

    def _reviewers(self, request: AccessRequest) -> Sequence[str]:
        """The owners as they are now, or the integration owner where nobody is left of them."""
        with self.store.reading() as read:
            groups = read.request_details(request.id).groups
        integration = next((i for i in self.current.policy.integrations if i.name == request.integration), None)
        theirs = [owner for group in groups for owner in group.owners]
        for owners in (theirs, integration.owner if integration else ()):
            people = [user for user in self.directory.members(owners).users if not is_theirs(request, user)]
            if people:
                return people
        return []

    def _lost(self, request_id: str) -> NoReturn:
        """Tells who was first. Raises `Conflict`."""
        with self.store.reading() as read:
            request = read.request_details(request_id).request
        raise Conflict(f"{request_id} was already reviewed by <@{request.reviewed_by}>. Nothing was changed.")
