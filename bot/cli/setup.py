"""The commands for a new installation: `bot init` and `bot manifest`."""

import sys
from enum import StrEnum
from typing import Annotated

import typer

from bot.setup.texts import POLICIES

PolicyName = StrEnum("PolicyName", {name: name for name in POLICIES})  # type: ignore[misc]  # members from the names


def init(
    policy: Annotated[
        PolicyName | None, typer.Option(help="Write an access.yaml as well: one of the example policies.")
    ] = None,
) -> None:
    """Write a commented .env here, ready to be filled in. Changes no file that exists."""
    from bot.setup.first_files import ExistsError, write_first_files

    try:
        written = write_first_files(policy.value if policy else None)
    except ExistsError as error:
        print(error, file=sys.stderr)
        raise typer.Exit(1) from None
    except OSError as error:
        print(f"{error.filename} cannot be written here: {error.strerror}.", file=sys.stderr)
        raise typer.Exit(1) from None
    print(f"Written: {' and '.join(map(str, written))}. Next:")
    print("  1. At https://api.slack.com/apps make an app from a manifest: bot manifest prints it.")
    print(f"  2. Fill in {written[0]}: its comments say where each value is found.")
    print("  3. bot check tests everything, and says what is still missing. Then: bot run")


def manifest(
    http: Annotated[
        str | None,
        typer.Option(metavar="URL", help="For HTTP instead of Socket Mode: the public address, https://…"),
    ] = None,
) -> None:
    """Print the manifest of the Slack app, to be pasted at api.slack.com/apps."""
    from bot.setup.manifest import NotPublicError, http_manifest, socket_mode_manifest

    try:
        text = socket_mode_manifest() if http is None else http_manifest(http)
    except NotPublicError as error:
        print(error, file=sys.stderr)
        print("Example: bot manifest --http https://es-access.example.com", file=sys.stderr)
        raise typer.Exit(2) from None
    print(text, end="")
