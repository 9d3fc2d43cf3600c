"""The `bot` command: its subcommands in the order of its help."""

from typing import Annotated

import typer

from bot.cli.admin import reconcile, revoke, rotate, write_off
from bot.cli.audit import audit
from bot.cli.check import check
from bot.cli.policy import discover, explain, schema
from bot.cli.run import run
from bot.cli.sandbox import sandbox

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)
for command in (run, explain, discover, rotate, schema, reconcile, revoke, write_off, sandbox, check):
    app.command()(command)
app.add_typer(audit, name="audit")


def main() -> None:
    """The console script."""
    app()


def _print_version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        print(f"es-access {version('es-access')}")
        raise typer.Exit


@app.callback()
def _es_access(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version, and end.")
    ] = False,
) -> None:
    """Just-in-time, approved, temporary access to Elasticsearch, asked for and decided in Slack."""
