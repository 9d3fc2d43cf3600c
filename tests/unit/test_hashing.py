"""What is sent in the place of a password."""

from typing import Any

import bcrypt
import pytest
from pydantic import SecretStr

from bot.access.errors import Outage, Refusal
from bot.cluster.hashing import Hashing

PASSWORD = SecretStr("a password of many letters")


def test_a_hash_is_sent_that_fits_the_password_and_is_another_one_each_time() -> None:
    sent: list[dict[str, Any]] = []
    hashing = Hashing()
    for _ in range(2):
        hashing.send(PASSWORD, lambda **secret: sent.append(secret))
    assert [list(each) for each in sent] == [["password_hash"], ["password_hash"]]
    first, second = (each["password_hash"] for each in sent)
    assert bcrypt.checkpw(PASSWORD.get_secret_value().encode(), first.encode())
    assert first.startswith("$2a$04$")
    assert first != second


def test_what_is_refused_either_way_is_refused_and_hashes_are_tried_again() -> None:
    sent: list[str] = []

    def call(**secret: str | None) -> None:
        sent.extend(secret)
        raise Refusal("no")

    hashing = Hashing()
    for _ in range(2):
        with pytest.raises(Refusal, match="no"):
            hashing.send(PASSWORD, call)
    assert sent == ["password_hash", "password"] * 2


def test_an_outage_says_nothing_about_hashes() -> None:
    sent: list[str] = []

    def call(**secret: str | None) -> None:
        sent.extend(secret)
        raise Outage("away")

    with pytest.raises(Outage):
        Hashing().send(PASSWORD, call)
    assert sent == ["password_hash"]
