"""Counter-offers: an owner offers less than was asked for, and the requester takes it or not."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NoReturn

from bot.access.durations import format_duration, parse_duration
from bot.access.errors import Conflict, InvalidRequest, LostRace, NotAllowed, NotFound, Outage
from bot.access.lifecycle.requests import complete, describe_end
from bot.access.lifecycle.timeline import TimelineEvent, add_to_timeline
from bot.access.models.columns import Json
from bot.access.models.counter_offers import CounterOffer, OfferState
from bot.access.models.messages import MessageKind
from bot.access.models.request_details import RequestDetails
from bot.access.models.requests import AccessRequest, Approval
from bot.access.policy.current import CurrentPolicy
from bot.access.policy.model import Permission, Policy
from bot.access.policy.patterns import covers, parse_patterns
from bot.access.ports import Clock
from bot.access.requests.approvals import Approvals
from bot.access.requests.filing import asked_group
from bot.access.requests.preview import matched, read_preview
from bot.access.requests.routing import ParsedRequest, Plan, Routing, check_still_allowed
from bot.access.states import RequestState
from bot.access.store.store import Store
from bot.access.store.transaction import Transaction

MOST_CHOICES = 80
"""Names to choose from: more are narrowed down by typing a pattern."""


@dataclass(frozen=True)
class Terms:
    """What an owner offers, as it was chosen and typed."""

    patterns: str
    permission: str
    duration: str


@dataclass(frozen=True)
class Choices:
    """What may be offered instead of a request: these permissions, and these names or anything narrower."""

    request: AccessRequest
    permissions: tuple[str, ...]
    names: tuple[str, ...]


@dataclass(frozen=True)
class CounterOffers:
    """What people do with counter-offers. Each method raises an `AccessError` that tells what was wrong."""

    store: Store
    routing: Routing
    approvals: Approvals
    current: CurrentPolicy
    clock: Clock

    def choices(self, request_id: str, actor: str) -> Choices:
        """What this owner may offer. Raises `Outage`."""
        request = self._open_to(request_id, actor)
        policy = self.current.policy
        narrower = [
            each.name for each in policy.permissions if _within(each, request) and each.name != request.permission
        ]
        return Choices(request, (request.permission, *narrower), self._names(request))

    def make(self, request_id: str, actor: str, terms: Terms) -> RequestDetails:
        """Stores an offer, and owes the requester a message about it. Raises `Outage`."""
        request = self._open_to(request_id, actor)
        now = self.clock.now()
        offer = self._read(request, actor, terms, now)
        # What could not be accepted is not offered: the policy is asked now, and once more when it is accepted.
        self.routing.plan(self._wish(request, offer))
        try:
            with self.store.writing() as write:
                write.lock_request(request)
                check_less(self.current.policy, request, offer)
                write.save_offer(offer)
                write.audit(
                    "request.offer_made", actor, now, request.id,
                    offer=offer.id, patterns=offer.patterns, permission=offer.permission, duration=offer.duration,
                )  # fmt: skip
                write.refresh(request.id, [MessageKind.APPROVAL, MessageKind.OFFER], now)
                write.enqueue(request.id, MessageKind.OFFER, [request.requester], now, about=str(offer.id))
                add_to_timeline(write, request.id, now, TimelineEvent.OFFERED, str(offer.id))
                return write.request_details(request.id)
        except LostRace:
            self.approvals.raise_conflict(request_id)

    def accept(self, offer_id: int, actor: str) -> RequestDetails:
        """Narrows the request to what is offered, which is that owner's yes to it. Raises `Outage`."""
        offer, request = self._offered(offer_id, actor)
        groups = self._still_an_owner(offer, request)
        plan = self.routing.plan(self._wish(request, offer))
        now = self.clock.now()
        check_still_allowed(self.current.policy, self.approvals.directory, request, now)
        try:
            with self.store.writing() as write:
                if request.extends is not None:
                    write.lock_grant(request.extends)  # before its extension, as `Approvals.approve` does
                write.lock_request(request)
                check_less(self.current.policy, request, offer)
                write.decide_offer(offer, OfferState.ACCEPTED, now)
                self._narrow(write, request, offer, plan, now)
                mine = self._regroup(write, request, plan, offer.by, groups, now)
                write.decide(Approval(request_id=request.id, approver=offer.by, approved=True, groups=mine, at=now))
                write.audit("request.offer_accepted", actor, now, request.id, offer=offer.id, by=offer.by)
                add_to_timeline(write, request.id, now, TimelineEvent.OFFER_ACCEPTED, str(offer.id))
                if complete(write.request_details(request.id)):
                    self.approvals.approved(write, request, offer.by, now)
                write.refresh(request.id, [MessageKind.APPROVAL, MessageKind.OFFER, MessageKind.ASKED], now)
                return write.request_details(request.id)
        except LostRace:
            self._lost(offer_id, request.id)

    def decline(self, offer_id: int, actor: str) -> RequestDetails:
        """Turns an offer down; the request goes on as it is."""
        offer, request = self._offered(offer_id, actor)
        now = self.clock.now()
        try:
            with self.store.writing() as write:
                write.decide_offer(offer, OfferState.DECLINED, now)
                write.audit("request.offer_declined", actor, now, request.id, offer=offer.id, by=offer.by)
                add_to_timeline(write, request.id, now, TimelineEvent.OFFER_DECLINED, str(offer.id))
                write.refresh(request.id, [MessageKind.APPROVAL, MessageKind.OFFER], now)
                return write.request_details(request.id)
        except LostRace:
            self._lost(offer_id, request.id)

    def _open_to(self, request_id: str, actor: str) -> AccessRequest:
        request, _ = self.approvals.open_to(request_id, actor)
        if actor in (request.requester, request.asked_by):
            raise NotAllowed(f"You asked for {request_id} yourself. To ask for less, cancel it and ask anew.")
        return request

    def _names(self, request: AccessRequest) -> tuple[str, ...]:
        seen = read_preview(request.preview)
        try:
            catalogue = self.routing.clusters[request.integration].catalogue()
            found = [each.name for each in matched(request.patterns, catalogue)]
        except Outage:
            found = list(seen.names) if seen else []
        if request.resolved is not None:
            found = [name for name in found if name in set(request.resolved)]
        return tuple(dict.fromkeys([*request.patterns, *found]))[:MOST_CHOICES]

    def _read(self, request: AccessRequest, actor: str, terms: Terms, now: datetime) -> CounterOffer:
        duration = parse_duration(terms.duration, request.length)
        return CounterOffer(
            request_id=request.id,
            by=actor,
            patterns=list(parse_patterns(terms.patterns)),
            permission=self.current.policy.permission(terms.permission).name,
            duration=int(duration.total_seconds()),
            at=now,
        )

    def _wish(self, request: AccessRequest, offer: CounterOffer) -> ParsedRequest:
        policy = self.current.policy
        return ParsedRequest(
            requester=request.requester,
            integration=policy.integration(request.integration),
            patterns=tuple(offer.patterns),
            permission=policy.permission(offer.permission),
            duration=offer.length,
            reason=request.reason,
            kind=request.kind,
            extension=request.extends is not None,
            asked_by=request.asked_by,
        )

    def _offered(self, offer_id: int, actor: str) -> tuple[CounterOffer, AccessRequest]:
        with self.store.reading() as read:
            offer = read.offer(offer_id)
            request = read.request(offer.request_id) if offer else None
        if offer is None or request is None or request.requester != actor:
            raise NotFound(f"with the offer {offer_id}")
        if request.state is not RequestState.PENDING:
            raise Conflict(describe_end(request))
        if offer.state is not OfferState.OPEN:
            raise Conflict(_describe(offer))
        return offer, request

    def _still_an_owner(self, offer: CounterOffer, request: AccessRequest) -> list[int]:
        """The groups that whoever offered it decides for now. Raises `Conflict` when there is none any more."""
        try:
            _, groups = self.approvals.open_to(request.id, offer.by)
        except (NotAllowed, NotFound):
            raise Conflict(
                f"<@{offer.by}> may not decide {request.id} any more, so the offer does not stand. "
                "The other owners still can."
            ) from None
        return groups

    def _narrow(
        self, write: Transaction, request: AccessRequest, offer: CounterOffer, plan: Plan, now: datetime
    ) -> None:
        before: Mapping[str, Json] = {
            "patterns": request.patterns,
            "permission": request.permission,
            "duration": request.duration,
        }
        write.audit("request.narrowed", offer.by, now, request.id, before=before)
        write.amend(
            request,
            patterns=offer.patterns,
            permission=offer.permission,
            duration=offer.duration,
            flow=plan.flow.name,
            flow_limit=int(plan.flow.max_duration.total_seconds()),
            privileges=self.current.policy.permission(offer.permission).stored(),
            resolved=list(plan.resolved) if plan.resolved is not None else None,
            preview=plan.preview.stored() if plan.preview else None,
        )

    def _regroup(
        self, write: Transaction, request: AccessRequest, plan: Plan, by: str, mine: Sequence[int], now: datetime
    ) -> list[int]:
        """Whose yes the narrower request needs: who owns nothing of it is not needed any more.

        Returns the groups for which the offer is the owner's yes.
        """
        groups = write.request_details(request.id).groups
        if plan.by_rule or not any(group.escalation is False for group in groups):
            return list(mine)
        wanted = {tuple(group.owners): group for group in plan.groups}
        kept = [group for group in groups if group.escalation or tuple(group.owners) in wanted]
        for group in groups:
            found = wanted.pop(tuple(group.owners), None)
            if found is not None:
                write.change_group(group, resources=found.resources)
            elif not group.escalation:
                write.remove_group(group)
        added = [asked_group(request, each, each.people) for each in wanted.values()]
        for group in added:
            write.add(group)
        if added and request.channel is None:
            write.enqueue(request.id, MessageKind.APPROVAL, [each for group in added for each in group.asked], now)
        return [
            group.id for group in (*kept, *added)
            if group.id is not None and (group.id in mine or by in group.asked)
        ]  # fmt: skip

    def _lost(self, offer_id: int, request_id: str) -> NoReturn:
        with self.store.reading() as read:
            offer, request = read.offer(offer_id), read.request(request_id)
        if request is not None and request.state is RequestState.PENDING and offer is not None:
            raise Conflict(_describe(offer))
        self.approvals.raise_conflict(request_id)


def check_less(policy: Policy, request: AccessRequest, offer: CounterOffer) -> None:
    """An offer is less than what is asked for now, and covered by it. Raises `Conflict`, `InvalidRequest`."""
    wide = request.patterns if request.resolved is None else [*request.patterns, *request.resolved]
    outside = [each for each in offer.patterns if not any(covers(one, each) for one in wide)]
    if outside:
        raise InvalidRequest(f"{outside[0]} is not part of what {request.id} asks for: {', '.join(request.patterns)}.")
    if offer.duration > request.duration:
        raise InvalidRequest(f"{request.id} asks for {format_duration(request.length)}: offer that or less.")
    if offer.permission != request.permission and not _within(policy.permission(offer.permission), request):
        raise InvalidRequest(f"{offer.permission} is not less than {request.permission}.")
    if request.extends is not None and (set(offer.patterns), offer.permission) != (
        set(request.patterns), request.permission,
    ):  # fmt: skip
        raise InvalidRequest(f"{request.id} only extends {request.extends}: a shorter time is all that can be offered.")
    same = (set(offer.patterns), offer.permission, offer.duration)
    if same == (set(request.patterns), request.permission, request.duration):
        raise Conflict(f"That is all that {request.id} asks for. Approve it, or choose less.")


def _within(permission: Permission, request: AccessRequest) -> bool:
    """Whether a permission holds nothing that the request does not."""
    held = request.privileges or {}
    mine = permission.stored()
    lists = ("indices", "kibana", "spaces", "cluster", "run_as")
    spaces = not mine["kibana"] or set(mine["spaces"]) <= set(held.get("spaces") or ())
    return (
        bool(held)
        and spaces
        and all(set(mine.get(key) or ()) <= set(held.get(key) or ()) for key in lists if key != "spaces")
        and (not mine.get("restricted_indices") or bool(held.get("restricted_indices")))
    )


def _describe(offer: CounterOffer) -> str:
    what = {
        OfferState.ACCEPTED: "You have already accepted this offer.",
        OfferState.DECLINED: "You have already declined this offer.",
        OfferState.REPLACED: f"<@{offer.by}> has made another offer since.",
    }
    return f"{what.get(offer.state, 'This offer has changed.')} Nothing was changed."
