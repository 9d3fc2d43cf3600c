"""The commands that change something: `bot reconcile`, `bot revoke`, `bot rotate` and `bot write-off`."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from bot.cli.settings import exit_with, load_quietly

if TYPE_CHECKING:
    from bot.runtime.admin import AdminCommands


def rotate(
    cluster: Annotated[str | None, typer.Option(help="One of several; without it each in turn")] = None,
) -> None:
    """Give the connector account a new password now: in its secret store first, then in the cluster."""
    settings, scrubber = load_quietly()
    from bot.bootstrap.commands import rotation_only
    from bot.config.settings import SettingsError
    from bot.runtime.connector_rotation import rotate_now

    try:
        with rotation_only(settings, scrubber) as (rotation, accounts):
            succeeded, lines = rotate_now(rotation, accounts, cluster)
    except SettingsError as error:
        exit_with(error.sentences, "es-access cannot rotate:")
    for line in lines:
        print(line)
    if not succeeded:
        raise typer.Exit(1)


def reconcile() -> None:
    """Compare every cluster with the database now, and end what should not be there. Exit code 1 if that failed."""
    with _commands() as commands:
        succeeded = commands.reconcile(print)
    raise typer.Exit(0 if succeeded else 1)


def revoke(
    request: Annotated[str | None, typer.Argument(metavar="ID", help="Such as REQ-7K3F9Q")] = None,
    everything: Annotated[bool, typer.Option("--all", help="Every live grant")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask")] = False,
) -> None:
    """End one grant or all of them now, and print the confirmation. Exit code 1 if an end is not confirmed."""
    if (request is None) is not everything:
        print("Say which: bot revoke ID, or bot revoke --all", file=sys.stderr)
        raise typer.Exit(2)
    from bot.access.wording import counted

    with _commands() as commands:
        grants = commands.live() if request is None else [commands.grant(request)]
        if everything and grants and not yes:
            _confirm(f"End {counted(len(grants), 'live grant')} now?")
        succeeded = commands.revoke(grants, print)
        if not grants:
            print("There is no live grant.")
    raise typer.Exit(0 if succeeded else 1)


def write_off(
    cluster: Annotated[str, typer.Argument(help="Its name, as the policy had it")],
    yes: Annotated[str | None, typer.Option("--yes", metavar="CLUSTER", help="The name again, to not be asked")] = None,
) -> None:
    """Give up a cluster that is gone for good: its grants are over, though nothing confirmed their end."""
    with _commands() as commands:
        count = commands.to_write_off(cluster)
        again = _ask_for_name(cluster, count) if yes is None else yes
        if again != cluster:
            print(f"“{again}” is not {cluster}. Nothing was changed.", file=sys.stderr)
            raise typer.Exit(1)
        commands.write_off(cluster, print)


def _ask_for_name(cluster: str, count: int) -> str:
    from bot.access.wording import counted

    question = f"{counted(count, 'grant')} of {cluster} will count as over, and nothing tries to end them any more."
    if not sys.stdin.isatty():
        print(f"{question} Nobody is here to type the name again: add --yes {cluster}.", file=sys.stderr)
        raise typer.Exit(1)
    answer: str = typer.prompt(f"{question}\nType the name of the cluster again")
    return answer


def _confirm(question: str) -> None:
    if not sys.stdin.isatty():
        print(f"{question} Nobody is here to say so: add --yes.", file=sys.stderr)
        raise typer.Exit(1)
    typer.confirm(question, abort=True)


@contextmanager
def _commands() -> "Iterator[AdminCommands]":
    settings, scrubber = load_quietly()
    from bot.bootstrap.commands import admin_commands
    from bot.config.settings import SettingsError
    from bot.runtime.admin import CannotAnswerError

    try:
        with admin_commands(settings, scrubber) as commands:
            yield commands
    except SettingsError as error:
        exit_with(error.sentences, "cannot do that:")
    except CannotAnswerError as error:
        print(error, file=sys.stderr)
        raise typer.Exit(1) from None
