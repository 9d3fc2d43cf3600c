"""Passwords of temporary users."""

import secrets
import string

from pydantic import SecretStr

PASSWORD_LENGTH = 32
"""Letters and digits alone, 190 bits: safe to paste into a shell, a URL and a form."""


_ALPHABET = string.ascii_letters + string.digits


def new_password() -> SecretStr:
    """A fresh password, made anew for every attempt to provision."""
    return SecretStr("".join(secrets.choice(_ALPHABET) for _ in range(PASSWORD_LENGTH)))
