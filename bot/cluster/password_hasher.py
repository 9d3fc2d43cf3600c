"""Hashes the passwords of users before they are sent: the cluster neither sees them nor spends time on hashing."""

from collections.abc import Callable
from typing import Any

import bcrypt
import structlog
from pydantic import SecretStr

from bot.cluster.client import BadRequest

ROUNDS = 4
"""The cost of bcrypt, as a power of two: the lowest that Elasticsearch accepts.

More rounds make each guess slower. These passwords are 190 random bits, which nobody guesses at any speed. So are API
keys, of which Elasticsearch keeps one salted SHA-256 (`xpack.security.authc.api_key.hashing.algorithm`). Its own hashes
have 10 rounds, for passwords that people choose: 50 to 100 ms of one of its cores at each grant, and again when
somebody signs in (measured).
"""

PREFIX = b"2a"
"""The prefix of the hash, the only one of bcrypt's that Elasticsearch knows."""


Secret = dict[str, Any]
"""The password parameter of a call: `password_hash` or `password`."""

log = structlog.get_logger(__name__)


class PasswordHasher:
    """Sends passwords to one cluster. It accepts bcrypt whatever its own algorithm is (measured on 8.19 and 9.5)."""

    def __init__(self) -> None:
        self._takes_hashes = True

    def send(self, password: SecretStr, call: Callable[[Secret], object]) -> None:
        """Makes the call with the hash; if the cluster refuses it, with the password. Raises `Outage`, `Refusal`."""
        if self._takes_hashes:
            try:
                call({"password_hash": hashed(password)})
            except BadRequest:
                pass  # in FIPS 140 mode bcrypt is refused; any other error comes again with the password
            else:
                return
        call({"password": password.get_secret_value()})
        if self._takes_hashes:
            self._takes_hashes = False
            log.warning("the cluster accepts no password hashes: passwords are sent instead")


def hashed(password: SecretStr) -> str:
    """A salted hash in the format of Elasticsearch."""
    return bcrypt.hashpw(password.get_secret_value().encode(), bcrypt.gensalt(ROUNDS, PREFIX)).decode()
