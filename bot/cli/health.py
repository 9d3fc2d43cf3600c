"""`bot health`."""

import http.client
import os
import sys
from typing import Annotated

import typer
from dotenv import dotenv_values

SECONDS = 5.0
"""For the answer, which the application has at hand."""


def health(
    deep: Annotated[bool, typer.Option("--deep", help="Ask for Slack and the clusters, too.")] = False,
) -> None:
    """Ask the application on this machine whether it is ready, for the probe of an image. Exit code 1 if it is not."""
    # Not all settings: a probe runs every few seconds, and must not read secret stores.
    settings = {**dotenv_values(".env"), **os.environ}
    try:
        port = int(settings.get("HEALTH_PORT") or 8080)
    except ValueError:
        print("HEALTH_PORT is no number.", file=sys.stderr)
        raise typer.Exit(1) from None
    host = settings.get("HOST") or ""
    here = {"": "127.0.0.1", "0.0.0.0": "127.0.0.1", "::": "::1", "[::]": "::1"}.get(host, host)  # noqa: S104
    connection = http.client.HTTPConnection(here, port, timeout=SECONDS)
    try:
        connection.request("GET", "/readyz?deep" if deep else "/readyz")
        answer = connection.getresponse()
        print(answer.read().decode(errors="replace"))
    except OSError as error:
        print(f"Nothing answers at {here}:{port} ({error.strerror or error}). Is bot run running?", file=sys.stderr)
        raise typer.Exit(1) from None
    finally:
        connection.close()
    if answer.status != http.HTTPStatus.OK:
        raise typer.Exit(1)
