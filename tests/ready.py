"""Makes what several workers of the tests need before they begin, so that none of them makes it beside another.

`python -m tests.ready`: both nodes, assembled and warmed, which halves the time of each start; and a Chromium, where
one can be installed.
"""

from rich.console import Console

from bot.sandbox.node.warm import warm
from tests.browser.chromium import NoChromiumError, chromium
from tests.nodes import versions


def main() -> None:
    """The command. Fails where a node cannot be made; the browser's tests say themselves that there is no Chromium."""
    console = Console()
    for version in versions():
        console.print(f"Elasticsearch {version}: {warm(version, console).name}")
    try:
        console.print(f"Chromium: {chromium().name}")
    except NoChromiumError as error:
        console.print(str(error))


if __name__ == "__main__":
    main()
