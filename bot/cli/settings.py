"""Loads the settings for a command, or prints the problems and exits with code 1."""

import sys
from typing import TYPE_CHECKING, NoReturn

import typer

if TYPE_CHECKING:
    from bot.config.settings import Settings
    from bot.observability.logs import Scrubber


def load_or_exit(summary: str = "es-access cannot start:") -> "Settings":
    """The settings; `summary` is the line above the problems."""
    from bot.config.settings import SettingsError, load_settings

    try:
        return load_settings()
    except SettingsError as error:
        exit_with(error.sentences, summary, "Each setting is explained in .env.example; `bot check` looks further.")


def load_quietly() -> "tuple[Settings, Scrubber]":
    """The settings for a command with an answer, and the scrubber of its log.

    Only warnings are logged, to standard error, without secrets.
    """
    settings = load_or_exit("cannot answer:")
    from bot.observability import logs

    return settings, logs.set_up("WARNING", "console", settings.secrets())


def exit_with(problems: tuple[str, ...], summary: str, *more: str) -> NoReturn:
    """Prints `summary`, the problems and `more` to standard error, and exits with code 1."""
    print(summary, file=sys.stderr)
    for problem in problems:
        print(f"  - {problem}", file=sys.stderr)
    for line in more:
        print(line, file=sys.stderr)
    raise typer.Exit(1)
