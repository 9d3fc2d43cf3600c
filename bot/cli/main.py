"""The `bot` command: its subcommands in the order of its help."""

import os
from pathlib import Path
from typing import Annotated

import typer

from bot.cli.admin import reconcile, revoke, rotate, write_off
from bot.cli.audit import audit
from bot.cli.check import check
from bot.cli.health import health
from bot.cli.policy import discover, explain, schema
from bot.cli.run import run
from bot.cli.sandbox import sandbox
from bot.cli.setup import connect, init, manifest
from bot.release import VERSION

PRIVATE = 0o077
"""The umask: what the application writes is for its own user, whatever the surrounding shell or supervisor says."""

app = typer.Typer(no_args_is_help=True, pretty_exceptions_enable=False)
for command in (
    init,
    manifest,
    connect,
    run,
    health,
    explain,
    discover,
    rotate,
    schema,
    reconcile,
    revoke,
    write_off,
    sandbox,
    check,
):
    app.command()(command)
app.add_typer(audit, name="audit")


def main() -> None:
    """The console script."""
    os.umask(PRIVATE)
    _give_a_home()
    app()


def _give_a_home() -> None:
    """Libraries look for the home directory when they are imported, and a user id without a name has none.

    Containers run under such ids (`docker run --user`, OpenShift). Docker sets the same value.
    """
    try:
        Path.home()
    except RuntimeError:
        os.environ["HOME"] = "/"


def _print_version(wanted: bool) -> None:
    if wanted:
        print(f"es-access {VERSION}")
        raise typer.Exit


@app.callback()
def _es_access(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version, and end.")
    ] = False,
) -> None:
    """Just-in-time, approved, temporary access to Elasticsearch, asked for and decided in Slack."""
