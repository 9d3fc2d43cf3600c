"""Finds a Chromium for the browser tests, and installs one where that can be done without asking anybody."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

INSTALL_SECONDS = 300.0

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
"""Nothing that a test does not need, above all no look-ups of the browser's own."""


class NoChromiumError(Exception):
    """There is none, and why none could be installed."""


def chromium() -> Path:
    """The program: `CHROMIUM` names it, or the system has it, or it is installed now. Raises NoChromiumError."""
    if named := os.environ.get("CHROMIUM"):
        return Path(named)
    if found := _found():
        return found
    why = _install()
    if found := _found():
        return found
    raise NoChromiumError(f"there is no Chromium (set CHROMIUM to one), and installing one failed: {why}")


def flags() -> list[str]:
    """For a start of it; as root it does not run in its own sandbox."""
    return [*FLAGS, *(["--no-sandbox"] if hasattr(os, "geteuid") and os.geteuid() == 0 else [])]


def _found() -> Path | None:
    on_path = (shutil.which(name) for name in _NAMES)
    return next((Path(each) for each in on_path if each), next((each for each in _ELSEWHERE if each.exists()), None))


def _install() -> str:
    """With the system's packages, which takes root and apt-get. Returns why that did not work, if it did not."""
    program = shutil.which("apt-get")
    if sys.platform != "linux" or program is None or os.geteuid() != 0:
        return "only root with apt-get can"
    environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    for arguments in (["update", "-qq"], ["install", "-y", "-qq", "--no-install-recommends", "chromium"]):
        try:
            done = subprocess.run(
                [program, *arguments],
                check=False,
                env=environment,
                capture_output=True,
                text=True,
                timeout=INSTALL_SECONDS,
            )
        except subprocess.TimeoutExpired:
            return f"apt-get {arguments[0]} took too long"
        if done.returncode != 0:
            return f"apt-get {arguments[0]}: {done.stderr.strip().splitlines()[-1:] or done.returncode}"
    return "it was installed, and is not on the path"
