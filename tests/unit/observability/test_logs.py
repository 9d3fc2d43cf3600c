"""Secrets are removed from the log, and nothing else is."""

import io
import json
import logging
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any

import pytest
import structlog
from pydantic import SecretStr

from bot.observability.logs import Scrubber, set_up


def scrubbed(text: str, *secrets: str) -> object:
    return Scrubber(map(SecretStr, secrets))(None, "", {"event": text})["event"]


def test_a_secret_is_taken_out_wherever_it_stands() -> None:
    assert scrubbed("user:longenough@host", "longenough") == "user:[secret]@host"
    assert scrubbed("token xoxb-123456-abc refused") == "token [secret] refused"


def test_a_secret_that_is_a_part_of_ordinary_words_is_left_in_and_not_given_away_by_its_gaps() -> None:
    assert scrubbed("the password is refused", "pass", "", "refused") == "the password is refused"


@pytest.fixture
def ecs_lines() -> Iterator[Callable[[], list[dict[str, Any]]]]:
    """Returns the written log lines in ECS; the logging of the tests comes back afterwards."""
    root = logging.getLogger()
    handlers, level, config = root.handlers[:], root.level, structlog.get_config()
    set_up("INFO", "ecs", [SecretStr("longenough")])
    written = io.StringIO()
    (handler,) = root.handlers
    assert isinstance(handler, logging.StreamHandler)
    handler.setStream(written)
    yield lambda: [json.loads(line) for line in written.getvalue().splitlines()]
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.configure(**config)


def test_a_line_in_ecs_has_the_fields_of_the_schema_and_labels(ecs_lines: Callable[[], list[dict[str, Any]]]) -> None:
    structlog.get_logger("bot.x").warning("größer", integration="prod", seconds=2, secret="longenough")
    logging.getLogger("library").error("it failed")
    own, other = ecs_lines()
    assert datetime.fromisoformat(own.pop("@timestamp")).tzinfo is not None
    assert own.pop("ecs.version")
    assert own == {
        "log.level": "warning",
        "message": "größer",
        "log": {"logger": "bot.x"},
        "service": {"name": "es-access"},
        "labels": {"integration": "prod", "seconds": 2, "secret": "[secret]"},
    }
    assert (other["log.level"], other["message"], other["log"]) == ("error", "it failed", {"logger": "library"})


def test_a_line_in_ecs_has_the_traceback_without_secrets(ecs_lines: Callable[[], list[dict[str, Any]]]) -> None:
    structlog.get_logger("bot.x").error("a bug", exc_info=ValueError("longenough"))
    (line,) = ecs_lines()
    assert line["log.level"] == "error"
    assert line["error"]["stack_trace"].endswith("ValueError: [secret]")
