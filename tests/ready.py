"""Prepares shared files before the test workers start, so that no two workers prepare them at once.

`python -m tests.ready`: both nodes, assembled and warmed, which halves the time of each start; and Chromium and
PgBouncer, where they can be installed.
"""

from rich.console import Console

from bot.sandbox.node.warm import warm
from tests.browser.chromium import NoChromiumError, chromium
from tests.nodes import versions
from tests.pgbouncer import NoPgBouncerError, pgbouncer_program


def main() -> None:
    """Runs the command. Fails if a node cannot be assembled; without a program, its tests skip themselves."""
    console = Console()
    for version in versions():
        console.print(f"Elasticsearch {version}: {warm(version, console).name}")
    try:
        console.print(f"Chromium: {chromium().name}")
    except NoChromiumError as error:
        console.print(str(error))
    try:
        console.print(f"PgBouncer: {pgbouncer_program().name}")
    except NoPgBouncerError as error:
        console.print(str(error))


if __name__ == "__main__":
    main()
