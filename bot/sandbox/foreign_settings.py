"""Finds settings for another cluster. The sandbox uses only its own cluster and refuses to start beside them."""

import os
from pathlib import Path

from dotenv import dotenv_values

NAMES = ("ELASTICSEARCH_URL", "ELASTICSEARCH_CLOUD_ID", "ACCESS_CONFIG")
"""The settings that name a cluster."""

ENV_FILE = Path(".env")


def foreign_settings() -> list[str]:
    """Sentences about the settings found and how to get rid of them; empty when there are none."""
    in_file = [name for name in NAMES if dotenv_values(ENV_FILE).get(name)]
    in_shell = [name for name in NAMES if os.environ.get(name)]
    if not in_file and not in_shell:
        return []
    lines = ["The sandbox has a cluster of its own, and does not start beside settings for another one."]
    if in_shell:
        lines.append(f"Your environment has {_and(in_shell)}: `unset {' '.join(in_shell)}`, then try again.")
    if in_file:
        lines.append(f"{ENV_FILE.resolve()} has {_and(in_file)}: run the sandbox in another directory.")
    return lines


def _and(names: list[str]) -> str:
    return " and ".join(names)
