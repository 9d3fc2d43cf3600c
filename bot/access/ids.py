"""Ids that people read aloud and type: `REQ-7K3F9Q`."""

import re
import secrets

# Crockford's base 32 has no I, L, O or U, which are easily misread. Six characters make 2^30 ids; on a clash the store
# tries again.
_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_LENGTH = 6
_PREFIX = "REQ-"
_SHAPE = re.compile(r"(?:REQ-?)?([0-9A-Z]{6})")
USERNAME_PREFIX = "es-access-"
"""Prefix of every user and role that the application creates."""

_MISREAD = str.maketrans("ILO", "110")


def new_id() -> str:
    """A random id; it is not a secret."""
    return _PREFIX + "".join(secrets.choice(_ALPHABET) for _ in range(_LENGTH))


def read_id(text: str) -> str | None:
    """The typed id, in any case, with or without its prefix; `None` if the text is not an id."""
    found = _SHAPE.fullmatch(text.strip().upper())
    return _PREFIX + found.group(1).translate(_MISREAD) if found else None


APPLICATION = "es-access"
"""The actor of events that no person caused."""
