"""Makes later starts twice as fast: `python -m bot.sandbox.node.warm [VERSION ...]`.

Starts a node once, and lets the JVM save its loaded classes (an "AOT cache", JEP 514) beside the
installation. That takes about 25 s and 130 MB for each version, so it is for machines that start many
nodes; it changes nothing else.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from bot.sandbox.node.artifacts import DEFAULT_VERSION
from bot.sandbox.node.assembly import assemble
from bot.sandbox.node.errors import NodeError
from bot.sandbox.node.node import HEAP_MB, free_port
from bot.sandbox.node.node_home import NodeHome
from bot.sandbox.node.server import NodeServer

SAVE_SECONDS = 180
"""The JVM saves on exit, which takes 16 s on two cores."""


def warm(version: str = DEFAULT_VERSION, console: Console | None = None) -> Path:
    """Saves the classes of `version` unless they are saved already. Returns the file; raises NodeError."""
    installation = assemble(version, console)
    if installation.warmth.is_file():
        return installation.warmth
    home = NodeHome.create(tls=False, settings={})
    try:
        with tempfile.TemporaryDirectory(dir=installation.root.parent, prefix=".building-aot-") as scratch:
            saved = Path(scratch) / installation.warmth.name
            server = NodeServer.start(installation, home, free_port(), HEAP_MB, flags=[f"-XX:AOTCacheOutput={saved}"])
            server.stop(SAVE_SECONDS)
            if not saved.is_file():
                raise NodeError(f"the JVM saved no classes.{server.log_excerpt()}")
            saved.replace(installation.warmth)
    finally:
        home.delete()
    return installation.warmth


def main(versions: Sequence[str]) -> None:
    console = Console()
    for version in versions or [DEFAULT_VERSION]:
        console.print(f"{version}: {warm(version, console).name}")


if __name__ == "__main__":
    main(sys.argv[1:])
