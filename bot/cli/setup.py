"""The commands for a new installation: `bot init`, `bot manifest` and `bot connect`."""

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
    print("  3. bot connect makes the connector account in Elasticsearch, and keeps its password.")
    print("  4. bot check tests everything, and says what is still missing. Then: bot run")


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


def connect(
    cluster: Annotated[str | None, typer.Option(help="One of several in access.yaml.")] = None,
    administrator: Annotated[
        str, typer.Option(help="An account that may manage users and roles. Its password is asked for.")
    ] = "elastic",
) -> None:
    """Make the connector account in the cluster, and keep its new password where the settings say."""
    from pydantic import SecretStr

    from bot.access.errors import Outage, Refusal
    from bot.bootstrap.connector import new_connector
    from bot.config.settings import SettingsError

    try:
        connector = new_connector(cluster)
        connector.keeper.check_writable()
        password = typer.prompt(f"Password of {administrator}, which is used now and kept nowhere", hide_input=True)
        by = administrator, SecretStr(password)
        if connector.exists(by):
            question = f"{connector.name} is there already. Give it a new password? Whatever uses the old one stops."
            typer.confirm(question, abort=True)
        connector.make(by)
    except (Outage, Refusal) as error:
        print(f"The connector account is not ready: {error}.", file=sys.stderr)
        raise typer.Exit(1) from None
    except SettingsError as error:
        print("\n".join(error.sentences), file=sys.stderr)
        raise typer.Exit(1) from None
    print(f"{connector.name} signs in and has its role. Its password is kept in {connector.keeper.location}.")
    print("Next: bot check")
