"""Phrases that several messages share: the terms of a request, its coverage, its approvals and its state."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from bot.access.durations import format_duration
from bot.access.ids import APPLICATION
from bot.access.models.columns import CredentialKind
from bot.access.models.counter_offers import CounterOffer, OfferState
from bot.access.models.grants import Grant
from bot.access.models.limits import Limits
from bot.access.models.request_details import RequestDetails
from bot.access.models.requests import AccessRequest
from bot.access.ownership.aliases import NONE_SEEN, SeenAliases, read_aliases
from bot.access.policy.names.exclusion import excluded_under
from bot.access.requests.preview import Preview, read_preview
from bot.access.requests.routing import Plan
from bot.access.states import LIVE, UNUSABLE, GrantState, RequestState
from bot.access.wording import counted, sized
from bot.slack.blocks.parts.limits import failure_stores, limit_terms, not_included, shown_part
from bot.slack.blocks.parts.risks import OPEN_REQUESTS, goes_on
from bot.slack.blocks.parts.unfinished import went_on
from bot.slack.blocks.rich_text import Bold, Code, Line, LocalTime, Person, TextPart, codes

_MOST_PEOPLE = 20
"""People named in one line."""

LONGEST_LABEL = 80
"""Characters of the name of an owner group."""

AS_CREDENTIAL: Mapping[CredentialKind, str] = {
    CredentialKind.OWN_ACCOUNT: "with the requester's own account",
    CredentialKind.PASSWORD: "with a password",
    CredentialKind.API_KEY: "as an API key",
}
"""The kind of credential, as the end of a line with the terms."""


def request_terms(request: AccessRequest) -> tuple[TextPart, ...]:
    """The terms of a request, in a line."""
    length = format_duration(request.length)
    duration = f"{length} more for {request.extends}" if request.extends else length
    # The kind of credential is unknown until the access flow is known, unless the request named one.
    decided = request.flow or request.kind is not CredentialKind.PASSWORD
    given = f", {AS_CREDENTIAL[request.kind]}" if decided else ""
    return (
        Bold(request.permission), " on ", *codes(request.patterns), f" in {request.integration} for {duration}{given}",
    )  # fmt: skip


def who_asks(request: AccessRequest, what: str) -> tuple[TextPart, ...]:
    """Who asks, and for whom if that is somebody else."""
    if request.asked_by is None:
        return (Person(request.requester), f" asks for {what}.")
    return (Person(request.asked_by), f" asks for {what} for ", Person(request.requester), ".")


def offer_terms(offer: CounterOffer) -> tuple[TextPart, ...]:
    """The terms of an offer, in a line."""
    limits = Limits.restored(offer.limits or {})
    less = (", ", *limit_terms(limits)) if limits else ()
    return (Bold(offer.permission), " on ", *codes(offer.patterns), f" for {format_duration(offer.length)}", *less)


def offer_of(details: RequestDetails, offer_id: str) -> CounterOffer | None:
    """The offer with that id."""
    return next((offer for offer in details.offers if str(offer.id) == offer_id), None)


_ANSWERED = {
    OfferState.OPEN: "waits for the requester",
    OfferState.ACCEPTED: "accepted",
    OfferState.DECLINED: "declined",
}


def offers_made(details: RequestDetails) -> list[Line]:
    """The counter-offers and their states, without replaced ones."""
    pending = details.request.state is RequestState.PENDING
    lines: list[Line] = []
    for offer in details.offers:
        if offer.state is OfferState.REPLACED:
            continue
        lapsed = offer.state is OfferState.OPEN and not pending
        state = "no longer open" if lapsed else _ANSWERED[offer.state]
        lines.append((Person(offer.by), " offered ", *offer_terms(offer), f": {state}."))
    return lines[-_MOST_OFFERS:]


_MOST_OFFERS = 5
"""Counter-offers that a message shows: the newest."""


_MOST_ALIASES = 5
"""Aliases that a message shows, and targets of each."""


def coverage(seen: Preview | None, aliases: SeenAliases, excluded: Sequence[str] = (), *, by_name: bool) -> list[Line]:
    """The resources that a request covers, as far as they are known. `by_name`: its role holds their names.

    `excluded` are patterns whose names it leaves out.
    """
    if seen is None:
        return [("The cluster did not answer, so what it matches is not known.",), *not_included(excluded)]
    kinds = ((seen.indices, "index"), (seen.data_streams, "data stream"), (seen.aliases, "alias"))
    counts = ", ".join(counted(number, noun) for number, noun in kinds if number)
    more = f" and {seen.count - len(seen.names)} more" if seen.count > len(seen.names) else ""
    return [
        (f"Matches now: {counts}, {sized(seen.size)}: ", *codes(seen.names), more, "."),
        *_targets(aliases),
        (_covered_later(seen, by_name=by_name),),
        *not_included(excluded),
        *_withheld(aliases, also_excluded=bool(excluded)),
    ]


def coverage_of(request: AccessRequest) -> list[Line]:
    """The resources that a stored request covers."""
    by_name = request.resolved is not None
    seen, aliases = read_preview(request.preview), read_aliases(request.aliases)
    lines = coverage(seen, aliases, excluded_under(request.patterns, request.excluded or ()), by_name=by_name)
    return [*lines[:1], *failure_stores(request.privileges, seen), *shown_part(request.privileges), *lines[1:]]


def planned_coverage(plan: Plan) -> list[Line]:
    """The resources that a planned request would cover."""
    by_name = plan.resolved is not None
    lines = coverage(plan.preview, plan.aliases or NONE_SEEN, plan.left_out, by_name=by_name)
    held = plan.permission.stored()
    return [*lines[:1], *failure_stores(held, plan.preview), *shown_part(held), *lines[1:]]


def _targets(aliases: SeenAliases) -> list[Line]:
    """What the first aliases point to."""
    lines: list[Line] = []
    for alias, targets in list(aliases.targets.items())[:_MOST_ALIASES]:
        rest = len(targets) - _MOST_ALIASES
        more = f" and {rest} more" if rest > 0 else ""
        lines.append((Code(alias), " points to ", *codes(targets[:_MOST_ALIASES]), f"{more}."))
    rest = len(aliases.targets) - _MOST_ALIASES
    return [*lines, (f"Not shown: {counted(rest, 'alias')} more.",)] if rest > 0 else lines


def _covered_later(seen: Preview, *, by_name: bool) -> str:
    """Whether resources that are created later are covered, and whether the access follows an alias."""
    if seen.aliases and by_name:
        return "Only these, nothing created later. An alias is given as what it points to now, not by its name."
    if seen.grows:
        later = "New indices that match are included, too."
        return f"{later} An alias covers whatever it points to." if seen.aliases else later
    if seen.aliases == seen.count == 1:
        return "It covers whatever it points to."
    if seen.aliases == seen.count:
        return "They cover whatever they point to."
    return "Only these, nothing created later." + (" An alias covers whatever it points to." if seen.aliases else "")


def _withheld(aliases: SeenAliases, *, also_excluded: bool) -> list[Line]:
    """The aliases that match and are not given."""
    if not aliases.withheld:
        return []
    behind = "they lead to hidden or excluded data" if also_excluded else "aliases of hidden indices"
    rest = len(aliases.withheld) - _MOST_ALIASES
    more = f" and {rest} more" if rest > 0 else ""
    return [("Left out: ", *codes(aliases.withheld[:_MOST_ALIASES]), f"{more} ({behind}).")]


def from_memory(cluster: str, read_at: datetime | None) -> list[Line]:
    """A note that a cluster does not answer, and when its resources were read."""
    return [] if read_at is None else [(f"{cluster} does not answer. This is as of ", LocalTime(read_at), ".")]


def flow_line(flow: str, limit: timedelta) -> tuple[TextPart, ...]:
    """The access flow of a request, why that one, and its longest duration."""
    return (f"Access flow “{flow}”, the first that fits; it allows up to {format_duration(limit)}.",)


def without_asking(plan: Plan) -> Line:
    """To the requester: how a break-glass flow handles the request."""
    channel: tuple[TextPart, ...] = (f" and {plan.flow.channel}",) if plan.flow.channel else ()
    return (
        "Break-glass: it approves at once, and tells ",
        *people(plan.watchers),
        *channel,
        ". An owner reviews it afterwards.",
    )


def reviewed(request: AccessRequest) -> Line:
    """Whether an owner has reviewed break-glass access, and who."""
    if request.reviewed_at is None or request.reviewed_by is None:
        return ("Break-glass: no owner has reviewed it yet.",)
    return ("Reviewed by ", Person(request.reviewed_by), " on ", LocalTime(request.reviewed_at), ".")


def why_asked(details: RequestDetails, recipient: str) -> tuple[TextPart, ...]:
    """Why this person is asked."""
    groups = [group for group in details.groups if recipient in group.asked]
    if any(group.escalation for group in groups):
        return ("You are asked because nobody else has decided yet.",)
    if recipient == details.request.channel:
        labels = ", ".join(group.label[:LONGEST_LABEL] for group in details.groups[:3])
        flow = details.request.flow
        return (f"It is asked here because the access flow “{flow}” says so. Its owners decide: {labels}.",)
    labels = ", ".join(group.label[:LONGEST_LABEL] for group in groups[:3]) or details.request.integration
    return (f"You are asked as an owner: {labels}.",)


def decision(details: RequestDetails) -> tuple[TextPart, ...]:
    """Who decided, when and why."""
    request = details.request
    if request.state is RequestState.EXPIRED:
        return ("Nobody decided in time, so the request has expired.",)
    if request.decided_at is None:
        return (f"The request is {request.state.value}.",)
    if request.decided_by is None:
        return (request.decision_reason or "The access ended first, so there was nothing left to extend.",)
    if request.adopted:
        return ("Found in the cluster and taken over on ", LocalTime(request.decided_at), ".")
    if request.decided_by == APPLICATION:
        return (
            f"{request.state.value.capitalize()} by the access flow “{request.flow}” on ",
            LocalTime(request.decided_at),
            ".",
        )
    deciders = details.approvers if request.state is RequestState.APPROVED else (request.decided_by,)
    word = request.state.value.capitalize()
    parts: tuple[TextPart, ...] = (f"{word} by ", *people(deciders), " on ", LocalTime(request.decided_at), ".")
    return (*parts, f" Reason: {request.decision_reason}") if request.decision_reason else parts


def where_it_stands(grant: Grant, request: AccessRequest) -> tuple[TextPart, ...]:
    """The state of the grant; after its end, with the receipt that was read back from the cluster."""
    if grant.state in LIVE:
        return ("Access until ", LocalTime(grant.expires_at), ".")
    who: tuple[TextPart, ...] = (
        (" by ", Person(grant.ended_by)) if grant.ended_by and grant.ended_by != APPLICATION else ()
    )
    if grant.ended_at is not None:
        return (
            f"Ended: {grant.end_reason}", *who, " on ", LocalTime(grant.ended_at), ". ", *receipt_line(grant, request),
            *went_on(grant),
        )  # fmt: skip
    if grant.state is GrantState.WRITTEN_OFF:
        return ("Its cluster is gone for good, so its end was never confirmed.",)
    if grant.state is GrantState.REVOCATION_FAILED:
        return (f"Ending ({grant.end_reason}", *who, "), not confirmed by the cluster yet.")
    return (f"Ending ({grant.end_reason}", *who, ").")


def never_worked(grant: Grant) -> list[Line]:
    """To the requester of access whose credential did not work."""
    if grant.end_reason not in UNUSABLE:
        return []
    return [("Its owners were told what to repair. Ask again when they have.",)]


def how_it_ended(grant: Grant) -> str:
    """The end of a title: nothing says that access ended whose end was never confirmed."""
    return "was written off" if grant.state is GrantState.WRITTEN_OFF else "has ended"


def receipt_line(grant: Grant, request: AccessRequest) -> tuple[TextPart, ...]:
    """The receipt in a line."""
    receipt = grant.receipt
    if receipt is None:  # a grant of a version that kept no receipts
        return ("User, role and keys are gone from the cluster.",)
    if receipt["keys_left"] is None:
        return ("Nothing was made for it in the cluster.",)
    if request.kind is CredentialKind.OWN_ACCOUNT:
        keys = f" ({counted(receipt['keys_ended'], 'key')} made with it ended)" if receipt["keys_ended"] else ""
        return (f"The account does not hold it any more, read back from the cluster{keys}.",)
    if receipt["user_disabled"]:
        when: tuple[TextPart, ...] = (" on ", LocalTime(grant.due_at)) if grant.due_at else ()
        tokens = receipt.get("tokens_ended")
        ended = f" {counted(tokens, 'token')} ended." if tokens else ""
        return ("The user is disabled and is deleted", *when, f"; its role and keys are gone.{ended}")
    if request.kind is CredentialKind.API_KEY:
        left_open = (" ", *OPEN_REQUESTS) if goes_on(request.privileges, request.kind) else ()
        return ("The key has ended, read back from the cluster.", *left_open)
    counts = {"key": receipt["keys_ended"], "token": receipt.get("tokens_ended")}
    also = ", ".join(counted(count, name) for name, count in counts.items() if count)
    ended = f" ({also} ended)" if also else ""
    return (f"User, role and API keys are gone, read back from the cluster{ended}.",)


def people(users: Sequence[str]) -> list[TextPart]:
    """Several people, separated by commas."""
    parts: list[TextPart] = []
    for user in users[:_MOST_PEOPLE]:
        parts += [", ", Person(user)] if parts else [Person(user)]
    rest = len(users) - _MOST_PEOPLE
    return [*parts, f" and {rest} more"] if rest > 0 else parts
