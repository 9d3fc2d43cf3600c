"""The `bot` command."""

import io
import os
import queue
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from bot.cli.audit import audit
from bot.starting import starting

if TYPE_CHECKING:
    from bot.access.ports import Clock
    from bot.bootstrap import Application
    from bot.config.settings import Settings
    from bot.runtime.admin import AdminCommands

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)
app.add_typer(audit, name="audit")


def main() -> None:
    """The console script."""
    app()


def _say_version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        print(f"es-access {version('es-access')}")
        raise typer.Exit


@app.callback()
def _es_access(
    version: Annotated[
        bool, typer.Option("--version", callback=_say_version, is_eager=True, help="Print the version, and end.")
    ] = False,
) -> None:
    """Just-in-time, approved, temporary access to Elasticsearch, asked for and decided in Slack."""


@app.command()
def run() -> None:
    """Run the application until SIGTERM or Ctrl-C."""
    run_with(None)


@app.command()
def explain(
    person: Annotated[str, typer.Argument(help="Slack user id or e-mail")],
    patterns: Annotated[str, typer.Argument(help="Index patterns, separated by commas")],
    duration: Annotated[str, typer.Argument(help="Such as 1h")],
    cluster: Annotated[str | None, typer.Option(help="Where there are several")] = None,
    permission: Annotated[str, typer.Option(help="Such as write")] = "read",
    reason: Annotated[str, typer.Option(help="Where a flow needs one")] = "",
    key: Annotated[bool, typer.Option("--key", help="An API key, for a script")] = False,
    break_glass: Annotated[bool, typer.Option("--break-glass", help="In an emergency")] = False,
) -> None:
    """Say what would become of a request: the access flow, what it covers, who would be asked. Files nothing."""
    settings = _quietly()
    from bot import bootstrap
    from bot.access.models.columns import CredentialKind
    from bot.access.requests.service import Draft
    from bot.cli import explain as terminal

    kind = CredentialKind.API_KEY if key else None
    draft = Draft(patterns, duration, permission, reason, cluster, kind, break_glass=break_glass)
    with _readable(), bootstrap.domain_only(settings) as (domain, directory):
        _print(lambda: terminal.explain(domain.requests, directory, person, draft))


@app.command()
def discover(text: Annotated[str, typer.Argument(help="A part of the name or the owner")] = "") -> None:
    """List what can be asked for, with owners, and what has none."""
    settings = _quietly()
    from bot import bootstrap
    from bot.cli import explain as terminal

    with _readable(), bootstrap.domain_only(settings) as (domain, _):
        _print(lambda: terminal.discover(domain.history, text))


@app.command()
def rotate(
    cluster: Annotated[str | None, typer.Option(help="One of several; without it each in turn")] = None,
) -> None:
    """Give the connector account a new password now: in its secret store first, then in the cluster."""
    settings = _quietly()
    from bot.bootstrap import SystemClock
    from bot.config.settings import SettingsError
    from bot.runtime.connector_rotation import rotate_now, rotation_only

    try:
        with rotation_only(settings, SystemClock()) as (rotation, accounts):
            well, lines = rotate_now(rotation, accounts, cluster)
    except SettingsError as error:
        _complain(error.problems, "es-access cannot rotate:")
    for line in lines:
        print(line)
    if not well:
        raise typer.Exit(1)


@app.command()
def schema() -> None:
    """Print the JSON Schema of access.yaml, for editors."""
    from bot.config.access_yaml.schema import schema_text

    print(schema_text())


@contextmanager
def _readable() -> Iterator[None]:
    """For what only shows when it is read: a password that is in a secret store."""
    from bot.config.settings import SettingsError

    try:
        yield
    except SettingsError as error:
        _complain(error.problems, "cannot answer:")


@app.command()
def reconcile() -> None:
    """Compare every cluster with the database now, and end what should not be there. Exit code 1 if that failed."""
    with _by_hand() as hand:
        well = hand.reconcile(print)
    raise typer.Exit(0 if well else 1)


@app.command()
def revoke(
    request: Annotated[str | None, typer.Argument(metavar="ID", help="Such as REQ-7K3F9Q")] = None,
    everything: Annotated[bool, typer.Option("--all", help="Every live grant")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask")] = False,
) -> None:
    """End one grant or all of them now, and print what was read back. Exit code 1 if an end is not confirmed."""
    if (request is None) is not everything:
        print("Say which: bot revoke ID, or bot revoke --all", file=sys.stderr)
        raise typer.Exit(2)
    with _by_hand() as hand:
        grants = hand.live() if request is None else [hand.grant(request)]
        if everything and grants and not yes:
            _confirm(f"End {len(grants)} live grants now?")
        well = hand.revoke(grants, print)
        if not grants:
            print("There is no live grant.")
    raise typer.Exit(0 if well else 1)


def _confirm(question: str) -> None:
    if not sys.stdin.isatty():
        print(f"{question} Nobody is here to say so: add --yes.", file=sys.stderr)
        raise typer.Exit(1)
    typer.confirm(question, abort=True)


@contextmanager
def _by_hand() -> "Iterator[AdminCommands]":
    settings = _quietly()
    from bot import bootstrap
    from bot.cli.explain import CannotAnswerError
    from bot.config.settings import SettingsError

    try:
        with bootstrap.admin_commands(settings) as hand:
            yield hand
    except SettingsError as error:
        _complain(error.problems, "cannot do that:")
    except CannotAnswerError as error:
        print(error, file=sys.stderr)
        raise typer.Exit(1) from None


def _print(answer: Callable[[], list[str]]) -> None:
    from bot.cli.explain import CannotAnswerError

    try:
        for line in answer():
            print(line)
    except CannotAnswerError as error:
        print(error, file=sys.stderr)
        raise typer.Exit(1) from None


@app.command()
def sandbox(
    story: Annotated[
        bool,
        typer.Option(
            "--story", help="Play the story first, and check each step; ends after it where nobody is at the terminal."
        ),
    ] = False,
    version: Annotated[str | None, typer.Option(help="Of Elasticsearch; the newest that the sandbox knows.")] = None,
) -> None:
    """Try everything in a browser: a real Elasticsearch, a local Slack workspace, and the application between them."""
    try:
        from bot.sandbox.command import sandbox as play
    except ModuleNotFoundError as error:
        print(f"bot sandbox needs more packages ({error.name}): pip install 'es-access[sandbox]'", file=sys.stderr)
        raise typer.Exit(1) from None
    raise typer.Exit(play(version, story=story))


@app.command()
def check() -> None:
    """Try everything that the application depends on, and say line by line what to do. Exit code 1 on a FAIL."""
    # Names and details may hold any character, and a terminal need not know it.
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")
    from bot.bootstrap import SystemClock
    from bot.checks.command import run_checks
    from bot.checks.report import Report

    raise typer.Exit(run_checks(Report(), SystemClock()))


def run_with(clock: "Clock | None") -> None:
    """Runs until a signal asks to stop. `clock` is the machine's, unless somebody moves time on purpose."""
    signals: queue.SimpleQueue[int] = queue.SimpleQueue()
    with starting():
        application = _started(clock, signals)
    from bot.stopping import next_signal, stop_in_time

    while next_signal(signals) == signal.SIGHUP:
        application.reload()
    stop_in_time(application.stop)


def _started(clock: "Clock | None", signals: "queue.SimpleQueue[int]") -> "Application":
    settings = _settings()
    # Bolt reads the token from the environment as well, and warns that it has it twice.
    os.environ.pop("SLACK_BOT_TOKEN", None)

    from bot import bootstrap
    from bot.config.settings import SettingsError
    from bot.observability import logs

    logs.set_up(settings.log_level, settings.log_format, settings.secrets())

    def hear(number: int, _frame: FrameType | None) -> None:
        signals.put(number)

    for each in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(each, hear)
    try:
        return bootstrap.start(settings, clock)
    except SettingsError as error:
        _complain(error.problems, "es-access cannot start:")


def _quietly() -> "Settings":
    """For a question: what is printed is the answer, and what is logged goes to standard error, without secrets."""
    settings = _settings("cannot answer:")
    from bot.observability import logs

    logs.set_up("WARNING", "console", settings.secrets())
    return settings


def _settings(cannot: str = "es-access cannot start:") -> "Settings":
    from bot.config.settings import SettingsError, load_settings

    try:
        return load_settings()
    except SettingsError as error:
        _complain(error.problems, cannot, "Each setting is explained in .env.example; `bot check` looks further.")


def _complain(problems: tuple[str, ...], cannot: str, *more: str) -> NoReturn:
    print(cannot, file=sys.stderr)
    for problem in problems:
        print(f"  - {problem}", file=sys.stderr)
    for line in more:
        print(line, file=sys.stderr)
    raise typer.Exit(1)
