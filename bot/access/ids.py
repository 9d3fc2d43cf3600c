"""Ids that people read aloud and type: `REQ-7K3F9Q`."""

import re
import secrets

# Crockford's base 32: no I, L, O or U, which are misread. Six of them are 2^30 ids; the store tries again on a clash.
_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_LENGTH = 6
_PREFIX = "REQ-"
_SHAPE = re.compile(r"(?:REQ-?)?([0-9A-Z]{6})")
USERNAME_PREFIX = "es-access-"
"""What the name of every user and role that is made here begins with."""

_MISREAD = str.maketrans("ILO", "110")


def new_id() -> str:
    """A random id; not a secret."""
    return _PREFIX + "".join(secrets.choice(_ALPHABET) for _ in range(_LENGTH))


def read_id(text: str) -> str | None:
    """The id that was typed, in any case, with or without its prefix; `None` when it is no id."""
    found = _SHAPE.fullmatch(text.strip().upper())
    return _PREFIX + found.group(1).translate(_MISREAD) if found else None


APPLICATION = "es-access"
"""The actor of what nobody clicked."""
