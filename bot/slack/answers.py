"""Private answers to the person who typed or clicked: confirmations, lists, help, and what went wrong."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from bot.access.durations import format_duration
from bot.access.errors import AccessError
from bot.access.models import AccessRequest
from bot.access.ports import Story
from bot.access.requests import Filed
from bot.access.states import LIVE, RequestState
from bot.slack import messages
from bot.slack.messages import Content
from bot.slack.words import Bold, Code, Line, Moment, Part, Person, block, codes, fallback, sentence

MOST_NAMES = 5
"""Of what a pattern matches, in a confirmation."""


def plain(lines: Sequence[Line]) -> Content:
    """An answer without a title."""
    return Content(fallback(lines), [block(lines)])


def filed(result: Filed) -> Content:
    """Confirms a request: its id, what it matches now, who was asked and until when."""
    request = result.request
    return plain([
        ("Request ", Code(request.id), " is filed: ", Bold(request.permission), " on ", *codes(request.patterns),
         f" in {request.integration} for {format_duration(request.length)}."),
        _matches(result.matched),
        (f"Asked {_count(len(request.owners), 'owner')}: ", *_people(request.owners), ". Open until ",
         Moment(request.pending_until), "."),
        ("To take it back: ", Code(f"/es-access cancel {request.id}")),
    ])  # fmt: skip


def extension_filed(request: AccessRequest) -> Content:
    """Confirms that more time was asked for."""
    return plain([
        ("Request ", Code(request.id), f" is filed: {format_duration(request.length)} more for {request.extends}."),
        (f"Asked {_count(len(request.owners), 'owner')}: ", *_people(request.owners), ". Until one of them approves, "
         "your access ends as before."),
    ])  # fmt: skip


def cancelled(story: Story) -> Content:
    """Confirms that a request was taken back."""
    return plain([("Request ", Code(story.request.id), " is cancelled. Nobody has to decide it any more.")])


def revoking(story: Story) -> Content:
    """Confirms that access is being ended; the proof of it comes as a message."""
    return plain([("Access ", Code(story.request.id), " is being ended. You are told when it is gone.")])


def status(story: Story) -> Content:
    """One request, as it stands."""
    answer = messages.approval(story)
    return replace(answer, blocks=[each for each in answer.blocks if each.type != "actions"])


def listed(stories: Sequence[Story], now: datetime) -> Content:
    """A person's newest requests, a line each."""
    if not stories:
        return plain([("You have not asked for anything yet.",), ("To ask: ", Code("/es-access logs-* 1h"))])
    return plain([("Your newest requests:",), *(_line(story, now) for story in stories)])


def help_text(longest: timedelta) -> Content:
    """How to ask, and for what."""
    return plain([
        (Bold("Ask for temporary access to Elasticsearch. An owner approves, and it ends by itself."),),
        (Code("/es-access logs-* 1h"), " read logs-* for one hour"),
        (Code("/es-access logs-*,metrics-* 2h30m write fixing INC-42"), " write to both, with a reason"),
        (Code("/es-access"), " a form"),
        (Code("/es-access list"), " your requests"),
        (Code("/es-access status ID"), ", ", Code("cancel ID"), ", ", Code("revoke ID"), ", ", Code("extend ID 1h")),
        (f"Permissions: read, write, manage. The longest access is {format_duration(longest)}.",),
    ])  # fmt: skip


def refused(error: AccessError) -> Content:
    """What was wrong, and one right example."""
    lines: list[Line] = [sentence(error.message)]
    if error.example:
        lines.append(
            ("Example: ", Code(error.example)) if error.example.startswith("/es-access ") else (error.example,)
        )
    return plain(lines)


def unreachable(what_happened: str) -> Content:
    """Slack or the cluster is in trouble, and nothing came of the click."""
    return plain([(f"{what_happened}, so I could not do that. Nothing was changed. Please try again in a minute.",)])


def unforeseen(mark: str) -> Content:
    """A bug. The mark finds it in the log."""
    return plain([
        ("Something went wrong on my side, and I have logged it as ", Code(mark), "."),
        ("Please try again; if it happens again, show this to your administrator.",),
    ])  # fmt: skip


def _matches(matched: Sequence[str] | None) -> tuple[Part, ...]:
    if matched is None:
        return ("The cluster does not answer, so I could not check what it matches. The owners see the pattern.",)
    more = len(matched) - MOST_NAMES
    rest = f" and {more} more" if more > 0 else ""
    return (f"It matches {_count(len(matched), 'name')} now: ", *codes(matched[:MOST_NAMES]), rest, ".")


def _line(story: Story, now: datetime) -> tuple[Part, ...]:
    request, grant = story.request, story.grant
    state: tuple[Part, ...] = (request.state.value,)
    if request.state is RequestState.APPROVED and grant is not None:
        state = ("active until ", Moment(grant.expires_at)) if grant.state in LIVE else (f"ended ({grant.end_reason})",)
    elif request.state is RequestState.PENDING and request.pending_until <= now:
        state = (RequestState.EXPIRED.value,)
    return (Code(request.id), " ", Bold(request.permission), " on ", *codes(request.patterns), ": ", *state)


def _people(users: Sequence[str]) -> list[Part]:
    parts: list[Part] = []
    for user in users:
        parts += [", ", Person(user)] if parts else [Person(user)]
    return parts


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
