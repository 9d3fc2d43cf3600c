"""Reads a typed command as the application would, and writes down the result as one line."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from bot.access.errors import InvalidRequest
from bot.access.policy.access_flow import AccessFlow
from bot.access.policy.model import Integration, Policy
from bot.access.requests.drafts import read_draft
from bot.slack.command.command import Command, Verb
from bot.slack.listeners.command_parser import explaining, one_word, parse

PERMISSIONS = ("read", "write", "manage")

POLICY = Policy(
    integrations=(Integration(name="prod", owner=("@platform",), public_url="https://es.example.com"),),
    access_flows=(AccessFlow(name="everyone", permissions=PERMISSIONS, max_duration=timedelta(days=7)),),
)


def local_now() -> datetime:
    """A moment in the person's time zone, 20 seconds after a full minute."""
    return datetime(2026, 12, 1, 14, 47, 20, tzinfo=ZoneInfo("Europe/Berlin"))


def command_of(typed: str) -> Command:
    """The parsed command. Raises `InvalidRequest`."""
    return parse(typed, PERMISSIONS, one_word, local_now)


def read_as(typed: str) -> str:
    """A full command with the same meaning, or `!`, the error and its example."""
    try:
        command = command_of(typed)
        if command.verb is Verb.REQUEST and not (command.draft and command.draft.duration):
            return f"a form: {_shown(command)}"
        return _shown(command)
    except InvalidRequest as error:
        return f"! {error.message} | {error.example}"


def _shown(command: Command) -> str:
    if command.draft is None:
        return " ".join(filter(None, (command.verb, command.id, command.duration, command.text)))
    draft = command.draft
    if command.verb is not Verb.FORM:
        try:
            request = read_draft(POLICY, "U0ALICE", draft)
        except InvalidRequest as error:
            if command.verb is Verb.EXPLAIN:
                error.example = explaining(error.example)
            raise
    else:
        request = None
    parts = [
        "" if command.verb is Verb.REQUEST else command.verb,
        ",".join(request.patterns) if request else "",
        draft.duration,
        draft.permission if request else "",
        request.reason if request else command.text,
        *_options(command),
        f"({command.note.partition('. ')[0]})" if command.note else "",
    ]
    return " ".join(filter(None, parts))


def _options(command: Command) -> Sequence[str]:
    draft = command.draft
    if draft is None:
        return ()
    return (
        "--key" if draft.kind else "",
        "--again" if draft.again else "",
        "--break-glass" if draft.break_glass else "",
        f"--for {draft.for_whom}" if draft.for_whom else "",
        f"--cluster {draft.integration}" if draft.integration else "",
    )
