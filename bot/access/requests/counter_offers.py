"""Counter-offers: an owner offers less than the request asks for, and the requester accepts or declines."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import NoReturn

from bot.access.durations import parse_duration
from bot.access.errors import (
    AccessError,
    Conflict,
    LostRace,
    NotAllowed,
    NotFound,
    Outage,
    RequestField,
    about,
)
from bot.access.lifecycle.requests import describe_end, is_approved
from bot.access.lifecycle.timeline import TimelineEvent, add_to_timeline
from bot.access.models.columns import Json
from bot.access.models.counter_offers import CounterOffer, OfferState
from bot.access.models.messages import MessageKind
from bot.access.models.request_details import RequestDetails
from bot.access.models.requests import AccessRequest, Approval
from bot.access.policy.current import CurrentPolicy
from bot.access.policy.names.exclusion import leaves_out
from bot.access.ports import Clock
from bot.access.requests.approvals import Approvals, lock_with_grant
from bot.access.requests.approver_eligibility import is_own_request
from bot.access.requests.drafts import ParsedRequest, read_patterns, read_request
from bot.access.requests.filing import counting_groups, replace_plan
from bot.access.requests.fresh_decision import decide_again, read_again
from bot.access.requests.less.licence import can_limit
from bot.access.requests.less.offers import (
    check_less,
    held_by,
    is_covered,
    limited_permission,
    offered_limits,
    resolved_within,
)
from bot.access.requests.preview import matched, read_preview
from bot.access.requests.routing import Routing
from bot.access.states import RequestState
from bot.access.store.store import Store
from bot.access.store.transaction import Transaction

MOST_CHOICES = 80
"""Names offered for selection. Further names can be typed as a pattern."""


@dataclass(frozen=True)
class OfferTerms:
    """An owner's offer, as selected and typed: `hidden` fields, and whether only `recent` documents are shown."""

    patterns: str
    permission: str
    duration: str
    hidden: str = ""
    recent: bool = False


@dataclass(frozen=True)
class OfferOptions:
    """The offers that a request allows: these permissions, and these names or narrower patterns.

    `limitable`: the cluster can hide fields and documents, and one of the permissions can be limited so.
    """

    request: AccessRequest
    permissions: tuple[str, ...]
    names: tuple[str, ...]
    limitable: bool = False


@dataclass(frozen=True)
class CounterOffers:
    """Actions on counter-offers. Each method raises an `AccessError` that explains a failure."""

    store: Store
    routing: Routing
    approvals: Approvals
    current: CurrentPolicy
    clock: Clock

    def options(self, request_id: str, actor: str) -> OfferOptions:
        """The offers that the actor may make as an owner. Raises `Outage`."""
        request = self._find_negotiable(request_id, actor)
        policy = self.current.policy
        narrower = [
            each for each in policy.permissions if is_covered(each, request) and each.name != request.permission
        ]
        permissions = (request.permission, *(each.name for each in narrower))
        some = request.extends is None and any(each.may_be_limited for each in (held_by(policy, request), *narrower))
        limitable = some and can_limit(self.routing.clusters, request.integration)
        return OfferOptions(request, permissions, self._list_names(request), limitable)

    def make(self, request_id: str, actor: str, terms: OfferTerms) -> RequestDetails:
        """Stores an offer, and enqueues a message to the requester. Raises `Outage`."""
        request = self._find_negotiable(request_id, actor)
        now = self.clock.now()
        try:
            offer = self._build_offer(request, actor, terms, now)
            # The policy is checked now, so that the offer can be accepted, and once more on acceptance.
            self.routing.plan(self._parse_offer(request, offer), fresh=False)
        except AccessError as error:
            error.example = None  # It is a command, and an offer is made in a window.
            raise
        try:
            with self.store.writing() as write:
                write.lock_request(request)
                check_less(self.current.policy, request, offer)
                write.save_offer(offer)
                write.audit(
                    "request.offer_made", actor, now, request.id,
                    offer=offer.id, patterns=offer.patterns, permission=offer.permission, duration=offer.duration,
                    **(offer.limits or {}),
                )  # fmt: skip
                write.refresh(request.id, [MessageKind.APPROVAL, MessageKind.OFFER], now)
                write.enqueue(request.id, MessageKind.OFFER, [request.requester], now, about=str(offer.id))
                add_to_timeline(write, request.id, now, TimelineEvent.OFFERED, str(offer.id))
                return write.request_details(request.id)
        except LostRace:
            self.approvals.raise_conflict(request_id)

    def check(self, request_id: str, actor: str, terms: OfferTerms) -> None:
        """Raises `AccessError` for an offer that is not less than the request; `about` names the part."""
        request = self._find_negotiable(request_id, actor)
        check_less(self.current.policy, request, self._build_offer(request, actor, terms, self.clock.now()))

    def accept(self, offer_id: int, actor: str) -> RequestDetails:
        """Narrows the request to the offer, which is one of the approvals that it then needs. Raises `Outage`."""
        offer, request = self._find_open_offer(offer_id, actor)
        self._check_may_decide(offer, request)
        fresh = decide_again(self.store, self.routing, request, self._parse_offer(request, offer))
        now = self.clock.now()
        try:
            with self.store.writing() as write:
                lock_with_grant(write, request)
                check_less(self.current.policy, request, offer)
                if not fresh.is_about(write.request_details(request.id)):
                    raise Conflict(f"{request.id} has just changed. Look at it again, then decide.")
                write.decide_offer(offer, OfferState.ACCEPTED, now)
                self._narrow(write, request, offer, now)
                eligible = replace_plan(write, request, fresh.plan, fresh.standing, now, same=False)
                counted = counting_groups(eligible, offer.by)
                write.decide(Approval(request_id=request.id, approver=offer.by, approved=True, groups=counted, at=now))
                write.audit("request.offer_accepted", actor, now, request.id, offer=offer.id, by=offer.by)
                add_to_timeline(write, request.id, now, TimelineEvent.OFFER_ACCEPTED, str(offer.id))
                if is_approved(write.request_details(request.id)):
                    self.approvals.complete_approval(write, request, offer.by, now)
                write.refresh(request.id, [MessageKind.APPROVAL, MessageKind.OFFER, MessageKind.ASKED], now)
                return write.request_details(request.id)
        except LostRace:
            self._raise_conflict(offer_id, request.id)

    def decline(self, offer_id: int, actor: str) -> RequestDetails:
        """Declines an offer. The request stays as it is."""
        offer, request = self._find_open_offer(offer_id, actor)
        now = self.clock.now()
        try:
            with self.store.writing() as write:
                write.decide_offer(offer, OfferState.DECLINED, now)
                write.audit("request.offer_declined", actor, now, request.id, offer=offer.id, by=offer.by)
                add_to_timeline(write, request.id, now, TimelineEvent.OFFER_DECLINED, str(offer.id))
                write.refresh(request.id, [MessageKind.APPROVAL, MessageKind.OFFER], now)
                return write.request_details(request.id)
        except LostRace:
            self._raise_conflict(offer_id, request.id)

    def _find_negotiable(self, request_id: str, actor: str) -> AccessRequest:
        request, _ = self.approvals.find_decidable(request_id, actor)
        if is_own_request(request, actor):
            raise NotAllowed(f"You asked for {request_id} yourself. To ask for less, cancel it and ask anew.")
        return request

    def _list_names(self, request: AccessRequest) -> tuple[str, ...]:
        seen = read_preview(request.preview)
        try:
            catalogue = self.routing.clusters[request.integration].catalogue()
            left_out = leaves_out(request.excluded or ())
            found = [each.name for each in matched(request.patterns, catalogue) if not left_out(each)]
        except Outage:
            found = list(seen.names) if seen else []
        if request.resolved is not None:
            found = [name for name in found if name in set(request.resolved)]
        return tuple(dict.fromkeys([*request.patterns, *found]))[:MOST_CHOICES]

    def _build_offer(self, request: AccessRequest, actor: str, terms: OfferTerms, now: datetime) -> CounterOffer:
        with about(RequestField.DURATION):
            duration = parse_duration(terms.duration)
        with about(RequestField.PATTERNS):
            patterns = read_patterns(terms.patterns)
        return CounterOffer(
            request_id=request.id,
            by=actor,
            patterns=list(patterns),
            permission=self.current.policy.permission(terms.permission).name,
            duration=int(duration.total_seconds()),
            limits=offered_limits(terms.hidden, now, recent=terms.recent).stored() or None,
            at=now,
        )

    def _parse_offer(self, request: AccessRequest, offer: CounterOffer) -> ParsedRequest:
        """The request that the offer would make of this one. Raises `AccessError`."""
        if offer.permission == request.permission:
            parsed = read_again(self.current.policy, request)
        else:
            parsed = read_request(self.current.policy, request, offer.permission)
        resolved = resolved_within(request, offer)
        permission = limited_permission(parsed.permission, offer)
        return replace(
            parsed, permission=permission, patterns=tuple(offer.patterns), duration=offer.length, kind=request.kind,
            filed_at=request.created_at, resolved=resolved,
        )  # fmt: skip

    def _find_open_offer(self, offer_id: int, actor: str) -> tuple[CounterOffer, AccessRequest]:
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

    def _check_may_decide(self, offer: CounterOffer, request: AccessRequest) -> None:
        """Raises `Conflict` if the offerer may not decide the request any more, and `Outage`."""
        try:
            self.approvals.find_decidable(request.id, offer.by)
        except (NotAllowed, NotFound):
            raise Conflict(
                f"<@{offer.by}> may not decide {request.id} any more, so the offer does not stand. "
                "The other owners still can."
            ) from None

    def _narrow(self, write: Transaction, request: AccessRequest, offer: CounterOffer, now: datetime) -> None:
        before: Mapping[str, Json] = {
            "patterns": request.patterns,
            "permission": request.permission,
            "duration": request.duration,
        }
        write.audit("request.narrowed", offer.by, now, request.id, before=before)
        write.amend(request, patterns=offer.patterns, permission=offer.permission)

    def _raise_conflict(self, offer_id: int, request_id: str) -> NoReturn:
        with self.store.reading() as read:
            offer, request = read.offer(offer_id), read.request(request_id)
        if request is not None and request.state is RequestState.PENDING and offer is not None:
            raise Conflict(_describe(offer))
        self.approvals.raise_conflict(request_id)


def _describe(offer: CounterOffer) -> str:
    what = {
        OfferState.ACCEPTED: "You have already accepted this offer.",
        OfferState.DECLINED: "You have already declined this offer.",
        OfferState.REPLACED: f"<@{offer.by}> has made another offer since.",
    }
    return f"{what.get(offer.state, 'This offer has changed.')} Nothing was changed."
