"""Passwords of temporary users."""

import secrets
import string

from pydantic import SecretStr

PASSWORD_LENGTH = 32
"""190 bits of letters and digits: safe to paste into a shell, a URL or a form."""


_ALPHABET = string.ascii_letters + string.digits


def new_password() -> SecretStr:
    """A fresh password; every attempt to provision uses a new one."""
    return SecretStr("".join(secrets.choice(_ALPHABET) for _ in range(PASSWORD_LENGTH)))
