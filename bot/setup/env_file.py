"""One variable of `.env`, as a place that a new installation keeps a password in."""

import os
import re
from dataclasses import dataclass
from pathlib import Path

from pydantic import SecretStr

from bot.access.errors import Refusal

ENV = Path(".env")
"""In the working directory, where the application reads it."""

PRIVATE = 0o600
"""The file is for secrets, and for its user alone."""


@dataclass(frozen=True)
class EnvFile:
    """The line of a variable. The file must be there: `bot init` writes it."""

    variable: str

    @property
    def location(self) -> str:
        """In words."""
        return f"{self.variable} in {ENV}"

    def check_writable(self) -> None:
        """Raises `Refusal` if the file is missing or cannot be written."""
        if not ENV.is_file():
            raise Refusal(f"{ENV} is not in this folder: bot init writes it")
        if not os.access(ENV, os.W_OK):
            raise Refusal(f"{ENV} cannot be written by this user")

    def write(self, secret: SecretStr) -> None:
        """Replaces the line of the variable, or adds one. The file is for its user alone from then on."""
        line = f"{self.variable}={secret.get_secret_value()}"
        text = ENV.read_text(encoding="utf-8")
        text, replaced = re.subn(rf"^#?{self.variable}=.*$", line, text, count=1, flags=re.MULTILINE)
        if not replaced:
            text = f"{text.rstrip()}\n{line}\n"
        new = ENV.with_name(f"{ENV.name}.new")
        new.touch(PRIVATE, exist_ok=True)
        new.write_text(text, encoding="utf-8")
        new.replace(ENV)
