"""Logging: one line an event, for people (`console`) or in Elastic Common Schema (`ecs`), and no secret in it."""

import logging
import re
import sys
from collections.abc import Callable, Iterable, MutableMapping, Sequence
from typing import Any

import structlog
from pydantic import SecretStr

_SLACK_TOKEN = re.compile(r"\bx(?:ox[a-z]|app)-[A-Za-z0-9-]{6,}")

_TALKATIVE = ("elastic_transport", "elasticsearch", "slack_sdk", "slack_bolt", "urllib3")
"""At DEBUG these write whole requests, passwords included. They are never let below INFO."""

_QUIET = ("alembic", "apscheduler", "elastic_transport.transport", "waitress")
"""At INFO these write a line for every tick or call."""

_SILENT = ("slack_sdk.web.base_client",)
"""Writes the beginning of an answer that it could not read, whatever stands in it; it raises an error as well."""

Event = MutableMapping[str, Any]


_KNOWN_LATER: list[Callable[[], Iterable[SecretStr]]] = []


def hide(secrets: Callable[[], Iterable[SecretStr]]) -> None:
    """From now on none of these is printed. They are asked for at each line: a password may change meanwhile."""
    _KNOWN_LATER.append(secrets)


SHORTEST_SECRET = 8
"""Characters. What is shorter is a part of ordinary words: taking it out would spoil the log, and give it away."""


class Scrubber:
    """Takes known secrets and everything that looks like a Slack token out of what is logged.

    A secret of fewer than `SHORTEST_SECRET` characters is left in.
    """

    def __init__(self, secrets: Iterable[SecretStr]) -> None:
        self._known = _longest_first(secrets)

    def __call__(self, _logger: object, _method: str, event: Event) -> Event:
        """A structlog processor."""
        later = [each for secrets in tuple(_KNOWN_LATER) for each in secrets()]
        known = _longest_first([*map(SecretStr, self._known), *later]) if later else self._known
        return {key: self._scrub(value, known) for key, value in event.items()}

    def _scrub(self, value: Any, known: Sequence[str]) -> Any:
        if isinstance(value, bool | int | float) or value is None:
            return value
        text = value if isinstance(value, str) else repr(value)
        for secret in known:
            text = text.replace(secret, "[secret]")
        return _SLACK_TOKEN.sub("[secret]", text)


def _longest_first(secrets: Iterable[SecretStr]) -> list[str]:
    # One secret may be a part of another.
    known = sorted((each.get_secret_value() for each in secrets), key=len, reverse=True)
    return [each for each in known if len(each) >= SHORTEST_SECRET]


def set_up(level: str, style: str, secrets: Iterable[SecretStr]) -> None:
    """Sends everything that is logged, by whomever, to standard error in one form."""
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )
    last: list[Any] = [_as_ecs, structlog.processors.JSONRenderer()] if style == "ecs" else [_console()]
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, Scrubber(secrets), *last],
        )
    )
    logging.basicConfig(handlers=[handler], level=level, force=True)
    for name in _TALKATIVE:
        logging.getLogger(name).setLevel(max(logging.INFO, logging.getLevelName(level)))
    for name in _QUIET:
        logging.getLogger(name).setLevel(logging.WARNING)
    for name in _SILENT:
        logging.getLogger(name).setLevel(logging.CRITICAL)


def _console() -> structlog.dev.ConsoleRenderer:
    # Plain tracebacks: the pretty ones print local variables, and a password may be one.
    return structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty(), exception_formatter=structlog.dev.plain_traceback)


def _as_ecs(_logger: object, _method: str, event: Event) -> Event:
    named = {
        "@timestamp": event.pop("timestamp", None),
        "log.level": event.pop("level", None),
        "message": event.pop("event", None),
        "log.logger": event.pop("logger", None),
        "error.stack_trace": event.pop("exception", None),
        "ecs.version": "8.11.0",
        "service.name": "es-access",
    }
    labels = {f"labels.{key}": value for key, value in event.items()}
    return {key: value for key, value in named.items() if value is not None} | labels
