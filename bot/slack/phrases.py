"""Phrases that several messages share: what was asked for, what it covers, who has to say yes, where it stands."""

from collections.abc import Sequence
from datetime import timedelta

from bot.access.approvals import APPLICATION
from bot.access.durations import format_duration
from bot.access.models import AccessRequest, Grant
from bot.access.ports import Story
from bot.access.preview import Preview
from bot.access.states import LIVE, GrantState, RequestState
from bot.slack.words import Bold, Line, Moment, Part, Person, codes

_MOST_GROUPS = 15
"""Owner groups with a line of their own in a message: Slack refuses texts that are too long, and nobody reads them."""

_MOST_PEOPLE = 20
"""People named in one line."""

_LONGEST_LABEL = 80
"""Characters of the name of an owner group."""

_KILO = 1000
"""Sizes are shown as Elasticsearch and Kibana users read them, in decimal units."""


def asked(request: AccessRequest) -> tuple[Part, ...]:
    """What was asked for, in a line."""
    length = format_duration(request.length)
    duration = f"{length} more for {request.extends}" if request.extends else length
    return (Bold(request.permission), " on ", *codes(request.patterns), f" in {request.integration} for {duration}")


def covered(seen: Preview | None) -> list[Line]:
    """What a request covers, as far as it is known."""
    if seen is None:
        return [("The cluster did not answer, so what it matches is not known.",)]
    kinds = ((seen.indices, "index"), (seen.data_streams, "data stream"), (seen.aliases, "alias"))
    counts = ", ".join(counted(number, noun) for number, noun in kinds if number)
    more = f" and {seen.count - len(seen.names)} more" if seen.count > len(seen.names) else ""
    later = "What is created later under the pattern is covered too." if seen.grows else "Exactly this, nothing later."
    return [(f"Matches now: {counts}, {sized(seen.size)}: ", *codes(seen.names), more, "."), (later,)]


def chosen(flow: str, limit: timedelta) -> tuple[Part, ...]:
    """The access flow that a request falls under, why that one, and the longest that it allows."""
    return (f"Access flow “{flow}”, the first that fits; it allows up to {format_duration(limit)}.",)


def needed(story: Story) -> list[Line]:
    """One line an owner group: who has said yes, and how many more have to."""
    lines: list[Line] = []
    several = sum(1 for group in story.groups if not group.escalation) > 1
    if several:
        lines.append(("One of these has to approve:" if story.request.any_group else "Each of these has to approve:",))
    for group in story.groups[:_MOST_GROUPS]:
        yes = [each.approver for each in story.approvals if each.approved and group.id in each.groups]
        missing = group.approvals - len(yes)
        said: tuple[Part, ...] = (*people(yes), " approved") if yes else ()
        more = "one approval" if missing == 1 else f"{missing} approvals"
        waits = f"{', ' if yes else ''}waiting for {more}" if missing > 0 else ""
        of = f" ({counted(group.resources, 'match')})" if group.resources and several else ""
        standing_in = ", standing in for all" if group.escalation else ""
        lines.append((Bold(group.label[:_LONGEST_LABEL]), f"{of}{standing_in}: ", *said, waits))
    rest = len(story.groups) - _MOST_GROUPS
    return [*lines, (f"And {rest} more groups.",)] if rest > 0 else lines


def why(story: Story, recipient: str) -> tuple[Part, ...]:
    """Why this person is asked."""
    groups = [group for group in story.groups if recipient in group.asked]
    if any(group.escalation for group in groups):
        return ("You are asked because nobody else has decided yet.",)
    labels = ", ".join(group.label[:_LONGEST_LABEL] for group in groups[:3]) or story.request.integration
    return (f"You are asked as an owner: {labels}.",)


def decision(story: Story) -> tuple[Part, ...]:
    """Who decided, when and why."""
    request = story.request
    if request.state is RequestState.EXPIRED:
        return ("Nobody decided in time, so the request has expired.",)
    if request.decided_at is None:
        return (f"The request is {request.state.value}.",)
    if request.decided_by is None:
        return (request.decision_reason or "The access ended first, so there was nothing left to extend.",)
    if request.decided_by == APPLICATION and not request.flow:
        return ("Found in the cluster and taken over on ", Moment(request.decided_at), ".")
    if request.decided_by == APPLICATION:
        return (
            f"{request.state.value.capitalize()} by the access flow “{request.flow}” on ",
            Moment(request.decided_at),
            ".",
        )
    deciders = story.approvers if request.state is RequestState.APPROVED else (request.decided_by,)
    word = request.state.value.capitalize()
    parts: tuple[Part, ...] = (f"{word} by ", *people(deciders), " on ", Moment(request.decided_at), ".")
    return (*parts, f" Reason: {request.decision_reason}") if request.decision_reason else parts


def where_it_stands(grant: Grant) -> tuple[Part, ...]:
    """What has become of the grant."""
    if grant.state in LIVE:
        return ("Access until ", Moment(grant.expires_at), ".")
    who: tuple[Part, ...] = (" by ", Person(grant.ended_by)) if grant.ended_by and grant.ended_by != APPLICATION else ()
    if grant.ended_at is not None:
        proof = " User, role and keys are gone from the cluster."
        return (f"Ended: {grant.end_reason}", *who, " on ", Moment(grant.ended_at), ".", proof)
    if grant.state is GrantState.REVOCATION_FAILED:
        return (f"Ending ({grant.end_reason}", *who, "), not confirmed by the cluster yet.")
    return (f"Ending ({grant.end_reason}", *who, ").")


def people(users: Sequence[str]) -> list[Part]:
    """Several people, separated by commas."""
    parts: list[Part] = []
    for user in users[:_MOST_PEOPLE]:
        parts += [", ", Person(user)] if parts else [Person(user)]
    rest = len(users) - _MOST_PEOPLE
    return [*parts, f" and {rest} more"] if rest > 0 else parts


def counted(number: int, noun: str) -> str:
    """`1 index`, `2 indices`."""
    plural = {"index": "indices", "alias": "aliases", "match": "matches"}.get(noun, f"{noun}s")
    return f"{number} {noun if number == 1 else plural}"


def sized(count: int) -> str:
    """Bytes, for people: `3.4 GB`."""
    size = float(count)
    for unit in ("bytes", "kB", "MB", "GB"):
        if size < _KILO:
            return f"{size:.0f} {unit}" if unit == "bytes" else f"{size:.1f} {unit}"
        size /= _KILO
    return f"{size:.1f} TB"
