"""Passwords of users, hashed before they are sent: the cluster neither sees them nor spends its time on them."""

from collections.abc import Callable
from typing import Any

import bcrypt
import structlog
from pydantic import SecretStr

from bot.cluster.client import BadRequest

ROUNDS = 4
"""Of bcrypt, as a power of two, the least that Elasticsearch takes.

More rounds make each guess slower. These passwords are 190 random bits, which nobody guesses at any speed, as API keys
are, of which Elasticsearch keeps one salted SHA-256 (`xpack.security.authc.api_key.hashing.algorithm`). What it hashes
itself has 10 rounds, for passwords that people think up: 50 to 100 ms of one of its cores at each grant, and once more
when somebody signs in (measured).
"""

PREFIX = b"2a"
"""Of the hash. Elasticsearch knows no other one of bcrypt's."""


Secret = dict[str, Any]
"""What a call says of a password: `password_hash`, or `password`."""

log = structlog.get_logger(__name__)


class PasswordHasher:
    """How one cluster is told of passwords. It takes bcrypt, whatever it hashes with itself (measured on 8.19, 9.5)."""

    def __init__(self) -> None:
        self._takes_hashes = True

    def send(self, password: SecretStr, call: Callable[[Secret], object]) -> None:
        """Makes the call with the hash; where the cluster takes none, with the password. Raises `Outage`, `Refusal`."""
        if self._takes_hashes:
            try:
                call({"password_hash": hashed(password)})
            except BadRequest:
                pass  # in FIPS 140 mode no hash of bcrypt is taken; what else is wrong with it is wrong once more
            else:
                return
        call({"password": password.get_secret_value()})
        if self._takes_hashes:
            self._takes_hashes = False
            log.warning("the cluster takes no hashes of passwords: it is sent the passwords")


def hashed(password: SecretStr) -> str:
    """A salted hash, of the kind that Elasticsearch keeps."""
    return bcrypt.hashpw(password.get_secret_value().encode(), bcrypt.gensalt(ROUNDS, PREFIX)).decode()
