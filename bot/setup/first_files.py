"""Writes the first `.env`, and a policy if one is wanted."""

import re
from pathlib import Path

from bot.config.variable_names import IN_FILE
from bot.setup.env_file import ENV, PRIVATE
from bot.setup.texts import read_text

POLICY = Path("access.yaml")


class ExistsError(Exception):
    """A file that would be written is there already; the message is a sentence."""


def write_first_files(policy: str | None) -> list[Path]:
    """Writes `.env` and, if an example policy is named, `access.yaml` in the working directory; returns their paths.

    Writes nothing if one of them is there. Raises `ExistsError`, `OSError`.
    """
    texts = {ENV: first_settings(with_policy=policy is not None)}
    if policy is not None:
        texts[POLICY] = read_text(f"examples/{policy}.yaml")
    for file in texts:
        if file.exists():
            raise ExistsError(f"{file} is there already, so nothing was written. Move it away, or go on with it.")
    for file, text in texts.items():
        file.touch(PRIVATE, exist_ok=False)
        file.write_text(text, encoding="utf-8")
    return list(texts)


def first_settings(*, with_policy: bool) -> str:
    """`.env.example`; with a policy, its settings that stand in `access.yaml` instead are commented out."""
    text = read_text(".env.example")
    if with_policy:
        text = text.replace("#ACCESS_CONFIG=", "ACCESS_CONFIG=")
        text = re.sub(rf"^(?=(?:{'|'.join(IN_FILE)})=)", "#", text, flags=re.MULTILINE)
    return text
