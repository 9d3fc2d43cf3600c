"""Installs programs that tests need, where that is possible without user interaction."""

import os
import shutil
import subprocess
import sys

INSTALL_SECONDS = 300.0


def install(package: str) -> str:
    """Installs a package of the system, which needs root and apt-get. Returns why its program may still be missing."""
    program = shutil.which("apt-get")
    if sys.platform != "linux" or program is None or os.geteuid() != 0:
        return "only root with apt-get can"
    environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    for arguments in (["update", "-qq"], ["install", "-y", "-qq", "--no-install-recommends", package]):
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
