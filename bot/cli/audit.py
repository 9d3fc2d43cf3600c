"""`bot audit`: prints and verifies the audit trail, and finds who had access. It needs only DATABASE_URL."""

import json
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer

if TYPE_CHECKING:
    from bot.access.audit.trail import AuditTrail

audit = typer.Typer(help="Print the audit trail, oldest first.", invoke_without_command=True, add_completion=False)


class OutputFormat(StrEnum):
    """An output format."""

    TABLE = "table"
    JSON = "json"
    ECS = "ecs"


_TIME = "2026-11-24T12:00 (UTC), or how long ago: 90m"


@audit.callback()
def show(
    context: typer.Context,
    since: Annotated[str | None, typer.Option(help=f"From then on: {_TIME}")] = None,
    until: Annotated[str | None, typer.Option(help="Before then; the same forms")] = None,
    event: Annotated[str, typer.Option(help="Such as grant.revoked, or grant for all of these")] = "",
    request: Annotated[str | None, typer.Option(help="A request id")] = None,
    person: Annotated[
        str | None, typer.Option(help="A Slack user id: what they did, and all of their requests")
    ] = None,
    form: Annotated[OutputFormat, typer.Option("--format", help="One event a line in each form")] = OutputFormat.TABLE,
    who_had_access: Annotated[str | None, typer.Option(metavar="INDEX", help="An index or pattern; with --at")] = None,
    at: Annotated[str | None, typer.Option(help=f"For --who-had-access: {_TIME}")] = None,
) -> None:
    """Print the audit trail, oldest first."""
    if context.invoked_subcommand is not None:
        return
    if who_had_access is not None:
        _who_had_access(who_had_access, at, form)
        return
    from bot.access.audit.formats import as_ecs, as_json, as_table
    from bot.access.audit.queries import AuditFilter
    from bot.access.ids import read_id

    if at is not None:
        _stop("--at belongs to --who-had-access INDEX")
    if request is not None and read_id(request) is None:
        _stop(f"--request: {request} is no request id, which is like REQ-7K3F9Q")
    wanted = AuditFilter(_time("--since", since), _time("--until", until), event, request and read_id(request), person)
    with _trail() as trail:
        chain = trail.chain()
        forms: dict[OutputFormat, Callable[[Any], str]] = {
            OutputFormat.TABLE: as_table,
            OutputFormat.JSON: lambda each: json.dumps(as_json(each), ensure_ascii=False),
            OutputFormat.ECS: lambda each: json.dumps(as_ecs(each, chain), ensure_ascii=False),
        }
        found = False
        for each in trail.events(wanted):
            found = True
            print(forms[form](each))
        near = [] if found or not event else _nearest_events(event, trail.event_names())
    if not found:
        hint = " --person takes a Slack user id, such as U012ABCDEF." if person else ""
        meant = f" Did you mean --event {near[0]}?" if near else ""
        print(f"There is no such event.{meant}{hint}", file=sys.stderr)


@audit.command()
def verify(
    head: Annotated[str | None, typer.Option(help="SEQUENCE:HASH that was printed earlier and kept elsewhere")] = None,
) -> None:
    """Follow the chain of hashes; name the first event that was altered, removed or moved. Exit code 1 if one was."""
    from bot.access.audit.formats import chain_beginning
    from bot.access.store.chain import Head

    try:
        expected = Head.read(head) if head is not None else None
    except ValueError as error:
        _stop(f"--head {error}")
    with _trail() as trail:
        found = trail.verify(expected)
        beginnings = [chain_beginning(each) for each in trail.beginnings()]
    if found.broken is not None:
        print(f"event {found.broken.sequence}: {found.broken.why}")
        if found.head.sequence:
            print(f"The {found.head.sequence} events before it are as they were written.")
        raise typer.Exit(1)
    print(f"{found.head.sequence} events, each as it was written, none missing, in their order.")
    for line in beginnings:
        print(line)
    print(f"Keep this elsewhere, and give it to the next verification with --head: {found.head}")


def _who_had_access(index: str, at: str | None, form: OutputFormat) -> None:
    from bot.access.audit.formats import access_json, access_line, printable

    when = _time("--at", at)
    if when is None:
        _stop("--who-had-access needs a time: --at 2026-11-24T12:00")
    if form is OutputFormat.ECS:
        _stop("--who-had-access is printed as table or json")
    with _trail() as trail:
        answer = trail.access(index, when)
    for each in answer.records:
        print(access_line(each) if form is OutputFormat.TABLE else json.dumps(access_json(each), ensure_ascii=False))
    doubts = [f"{each.request_id}: {each.why}" for each in answer.differences]
    if answer.broken is not None:
        doubts.append(f"event {answer.broken.sequence}: {answer.broken.why}, so the answer may lack something")
    if not (answer.records or doubts) and form is OutputFormat.TABLE:
        print(f"Nobody had access to {index} by es-access at {when.isoformat(timespec='seconds')}.")
    for doubt in doubts:
        print(printable(doubt), file=sys.stderr)
    if doubts:
        raise typer.Exit(1)


def _nearest_events(typed: str, known: Sequence[str]) -> list[str]:
    """The names, and parts before a dot, that are nearest to one that is not among them."""
    from difflib import get_close_matches

    names = {*known, *(each.partition(".")[0] for each in known)}
    wanted = typed.rstrip(".").lower()
    return [] if typed.rstrip(".") in names else get_close_matches(wanted, sorted(names), n=1)


@contextmanager
def _trail() -> "Iterator[AuditTrail]":
    from sqlalchemy.exc import DBAPIError

    from bot.bootstrap.audit_trail import open_audit_trail
    from bot.config.audit_settings import DatabaseSettingError, database_only
    from bot.storage.connection_errors import cause

    try:
        url = database_only()
    except DatabaseSettingError as error:
        _stop(str(error))
    if url.drivername == "sqlite" and not Path(url.database or "").is_file():
        _stop(f"DATABASE_URL: there is no file {url.database}. Run this where es-access runs, or name its database")
    try:
        with open_audit_trail(url) as trail:
            yield trail
    except DatabaseSettingError as error:
        _stop(str(error))
    except (DBAPIError, ValueError, ModuleNotFoundError) as error:
        _stop(f"DATABASE_URL: {cause(error, url)}")
    except BrokenPipeError:
        sys.stderr.close()  # `bot audit | head`: the reader has seen enough, which is no error


def _time(option: str, text: str | None) -> datetime | None:
    from bot.access.durations import parse_duration
    from bot.access.errors import InvalidRequest

    if text is None:
        return None
    try:
        named = datetime.fromisoformat(text)
    except ValueError:
        try:
            return datetime.now(UTC) - parse_duration(text)
        except InvalidRequest:
            _stop(f"{option}: “{text}” is neither a time nor a duration: {_TIME}")
    return named.replace(tzinfo=UTC) if named.tzinfo is None else named.astimezone(UTC)


def _stop(problem: str) -> NoReturn:
    print(problem, file=sys.stderr)
    raise typer.Exit(1)
