"""`bot check`."""

import io
import sys

import typer


def check() -> None:
    """Try everything that the application depends on, and say line by line what to do. Exit code 1 on a FAIL."""
    # Names and details may hold any character, and the terminal's encoding may lack some.
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")
    from bot.bootstrap.checks import check_adapters
    from bot.checks.command import run_checks
    from bot.checks.report import Report

    raise typer.Exit(run_checks(Report(), check_adapters()))
