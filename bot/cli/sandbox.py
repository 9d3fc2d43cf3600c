"""`bot sandbox`."""

import sys
from typing import Annotated

import typer

from bot.release import how_to_install


def sandbox(
    story: Annotated[
        bool,
        typer.Option(
            "--story", help="Play the story first, and check each step; ends after it where nobody is at the terminal."
        ),
    ] = False,
    version: Annotated[str | None, typer.Option(help="Of Elasticsearch; the newest that the sandbox knows.")] = None,
    nodes: Annotated[int, typer.Option(min=1, max=5, help="Nodes of the cluster; each needs 0.4 GB of memory.")] = 1,
) -> None:
    """Try everything in a browser: a real Elasticsearch, a local Slack workspace, and the application between them."""
    try:
        from bot.sandbox.command import sandbox as play
    except ModuleNotFoundError as error:
        print(f"bot sandbox needs more packages ({error.name}): {how_to_install('sandbox')}", file=sys.stderr)
        raise typer.Exit(1) from None
    raise typer.Exit(play(version, story=story, nodes=nodes))
