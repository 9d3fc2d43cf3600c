"""The hash that is sent instead of a password."""

import bcrypt
import pytest
from pydantic import SecretStr

from bot.access.errors import Outage, Refusal
from bot.cluster.client import BadRequest
from bot.cluster.password_hasher import PasswordHasher, Secret

PASSWORD = SecretStr("a password of many letters")


def test_a_hash_is_sent_that_fits_the_password_and_is_another_one_each_time() -> None:
    sent: list[Secret] = []
    hasher = PasswordHasher()
    for _ in range(2):
        hasher.send(PASSWORD, sent.append)
    assert [list(each) for each in sent] == [["password_hash"], ["password_hash"]]
    first, second = (each["password_hash"] for each in sent)
    assert bcrypt.checkpw(PASSWORD.get_secret_value().encode(), first.encode())
    assert first.startswith("$2a$04$")
    assert first != second


@pytest.mark.parametrize(
    ("error", "each_time"),
    [
        (BadRequest("400"), ["password_hash", "password"]),
        (Refusal("403"), ["password_hash"]),
        (Outage("away"), ["password_hash"]),
    ],
)
def test_what_fails_either_way_fails_and_hashes_are_tried_again(error: Exception, each_time: list[str]) -> None:
    sent: list[str] = []

    def call(secret: Secret) -> None:
        sent.extend(secret)
        raise error

    hasher = PasswordHasher()
    for _ in range(2):
        with pytest.raises(type(error), match=str(error)):
            hasher.send(PASSWORD, call)
    assert sent == each_time * 2


def test_a_cluster_that_takes_no_hash_is_sent_the_password_from_then_on() -> None:
    sent: list[str] = []

    def call(secret: Secret) -> None:
        sent.extend(secret)
        if "password_hash" in secret:
            raise BadRequest("400")

    hasher = PasswordHasher()
    for _ in range(2):
        hasher.send(PASSWORD, call)
    assert sent == ["password_hash", "password", "password"]
