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

CHECK_PREFIX = f"{USERNAME_PREFIX}check-"
"""Prefix of the users that `bot check` makes and deletes again."""

PERSONAL_PREFIX = f"{USERNAME_PREFIX}own-"
"""Prefix of the roles that are named after people."""

_LATER_ATTEMPT = re.compile(rf"({re.escape(USERNAME_PREFIX)}[0-9a-z]{{{_LENGTH}}})-([2-9]|[1-9][0-9]{{1,8}})")

_MISREAD = str.maketrans("ILO", "110")


def new_id() -> str:
    """A random id; it is not a secret."""
    return _PREFIX + "".join(secrets.choice(_ALPHABET) for _ in range(_LENGTH))


def read_id(text: str) -> str | None:
    """The typed id, in any case, with or without its prefix; `None` if the text is not an id."""
    found = _SHAPE.fullmatch(text.strip().upper())
    return _PREFIX + found.group(1).translate(_MISREAD) if found else None


def attempt_username(first: str, attempt: int) -> str:
    """The name of a grant's user and role in that attempt; `first` is the one of the first: `es-access-7k3f9q-2`."""
    return first if attempt == 1 else f"{first}-{attempt}"


def split_username(username: str) -> tuple[str, int]:
    """The name of the first attempt, and the number of the attempt."""
    found = _LATER_ATTEMPT.fullmatch(username)
    return (found.group(1), int(found.group(2))) if found else (username, 1)


APPLICATION = "es-access"
"""The actor of events that no person caused."""
