"""Passwords, hashed before they are sent: the cluster neither sees them nor spends its time on them."""

from typing import Protocol

import bcrypt
from pydantic import SecretStr

from bot.access.errors import Refusal

ROUNDS = 4
"""Of bcrypt, as a power of two, the least that Elasticsearch takes.

More rounds make each guess slower. These passwords are 190 random bits, which nobody guesses at any speed, as API keys
are, of which Elasticsearch keeps one salted SHA-256 (`xpack.security.authc.api_key.hashing.algorithm`). What it hashes
itself has 10 rounds, for passwords that people think up: 50 to 100 ms of one of its cores at each grant, and once more
when somebody signs in (measured).
"""

PREFIX = b"2a"
"""Of the hash. Elasticsearch knows no other one of bcrypt's."""


class Send(Protocol):
    """Makes one call with the password, or with its hash."""

    def __call__(self, *, password: str | None = None, password_hash: str | None = None) -> object: ...


class Hashing:
    """How one cluster is told of passwords. It takes bcrypt, whatever it hashes with itself (measured on 8.19, 9.5)."""

    def __init__(self) -> None:
        self._takes_hashes = True

    def send(self, password: SecretStr, call: Send) -> None:
        """Makes the call with the hash; where the cluster takes none, with the password. Raises `Outage`, `Refusal`."""
        if self._takes_hashes:
            try:
                call(password_hash=hashed(password))
            except Refusal:
                # In FIPS 140 mode no hash of bcrypt is taken. Whatever else it refuses, it refuses once more.
                call(password=password.get_secret_value())
                self._takes_hashes = False
            return
        call(password=password.get_secret_value())


def hashed(password: SecretStr) -> str:
    """A salted hash, of the kind that Elasticsearch keeps."""
    return bcrypt.hashpw(password.get_secret_value().encode(), bcrypt.gensalt(ROUNDS, PREFIX)).decode()
