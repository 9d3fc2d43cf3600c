"""Finds a Chromium for the browser tests, and installs one if that is possible without user interaction."""

import os
import shutil
from pathlib import Path

from tests.debian import install

_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
_ELSEWHERE = (
    Path("/Applications/Chromium.app/Contents/MacOS/Chromium"),
    Path("/Applications/Google Chrome.app/Contents/MacOS/Google Chrome"),
)

FLAGS = (
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
"""Disables everything that tests do not need, above all the browser's own network requests."""


class NoChromiumError(Exception):
    """There is no Chromium; the message says why none could be installed."""


def chromium() -> Path:
    """The path of the program: from `CHROMIUM`, from the system, or installed now. Raises NoChromiumError."""
    if named := os.environ.get("CHROMIUM"):
        return Path(named)
    if found := _found():
        return found
    why = install("chromium")
    if found := _found():
        return found
    raise NoChromiumError(f"there is no Chromium (set CHROMIUM to one), and installing one failed: {why}")


def flags() -> list[str]:
    """Command-line flags; Chromium cannot use its own sandbox as root."""
    return [*FLAGS, *(["--no-sandbox"] if hasattr(os, "geteuid") and os.geteuid() == 0 else [])]


def _found() -> Path | None:
    on_path = (shutil.which(name) for name in _NAMES)
    return next((Path(each) for each in on_path if each), next((each for each in _ELSEWHERE if each.exists()), None))
