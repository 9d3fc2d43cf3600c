"""Secrets are removed from the log, and nothing else is."""

from pydantic import SecretStr

from bot.observability.logs import Scrubber


def scrubbed(text: str, *secrets: str) -> object:
    return Scrubber(map(SecretStr, secrets))(None, "", {"event": text})["event"]


def test_a_secret_is_taken_out_wherever_it_stands() -> None:
    assert scrubbed("user:longenough@host", "longenough") == "user:[secret]@host"
    assert scrubbed("token xoxb-123456-abc refused") == "token [secret] refused"


def test_a_secret_that_is_a_part_of_ordinary_words_is_left_in_and_not_given_away_by_its_gaps() -> None:
    assert scrubbed("the password is refused", "pass", "", "refused") == "the password is refused"
