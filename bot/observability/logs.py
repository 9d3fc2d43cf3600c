"""Logging: one line for each event, for people (`console`) or in Elastic Common Schema (`ecs`), without secrets."""

import logging
import re
import sys
from collections.abc import Callable, Iterable, MutableMapping, Sequence
from typing import Any

import structlog
from ecs_logging import StructlogFormatter
from pydantic import SecretStr

_SLACK_TOKEN = re.compile(r"\bx(?:ox[a-z]|app)-[A-Za-z0-9-]{6,}")

_NEVER_DEBUG = ("elastic_transport", "elasticsearch", "slack_sdk", "slack_bolt", "urllib3")
"""Loggers that write whole requests at DEBUG, passwords included. Their level is never below INFO."""

_NEVER_INFO = ("alembic", "apscheduler", "elastic_transport.transport", "waitress")
"""Loggers that write a line for every job or call at INFO."""

_ONLY_CRITICAL = ("slack_sdk.web.base_client",)
"""Logs the beginning of an unreadable answer, which may hold secrets. It raises an error too, so nothing is lost."""

Event = MutableMapping[str, Any]

SHORTEST_SECRET = 8
"""Characters. A shorter secret occurs in ordinary words: removing it spoils the log, and the gaps reveal it."""


class Scrubber:
    """Removes known secrets, and everything that looks like a Slack token, from log events.

    A secret of fewer than `SHORTEST_SECRET` characters is not removed.
    """

    def __init__(self, secrets: Iterable[SecretStr]) -> None:
        self._known = _longest_first(secrets)
        self._sources: list[Callable[[], Iterable[SecretStr]]] = []

    def hide(self, source: Callable[[], Iterable[SecretStr]]) -> None:
        """Hides the secrets of `source` as well. It is called for each line, because a password may change."""
        self._sources.append(source)

    def __call__(self, _logger: object, _method: str, event: Event) -> Event:
        """A structlog processor."""
        changing = [each for source in tuple(self._sources) for each in source()]
        known = _longest_first([*map(SecretStr, self._known), *changing]) if changing else self._known
        return {key: self._scrub(value, known) for key, value in event.items()}

    def _scrub(self, value: Any, known: Sequence[str]) -> Any:
        if isinstance(value, bool | int | float) or value is None:
            return value
        text = value if isinstance(value, str) else repr(value)
        for secret in known:
            text = text.replace(secret, "[secret]")
        return _SLACK_TOKEN.sub("[secret]", text)


def _longest_first(secrets: Iterable[SecretStr]) -> list[str]:
    # One secret may be part of another.
    known = sorted((each.get_secret_value() for each in secrets), key=len, reverse=True)
    return [each for each in known if len(each) >= SHORTEST_SECRET]


def set_up(level: str, style: str, secrets: Iterable[SecretStr]) -> Scrubber:
    """Sends all log lines, of libraries too, to standard error in one format. Returns the scrubber of these lines."""
    scrubber = Scrubber(secrets)
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
    renderers: list[Any] = [_ecs_fields, StructlogFormatter(ensure_ascii=False)] if style == "ecs" else [_console()]
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, scrubber, *renderers],
        )
    )
    logging.basicConfig(handlers=[handler], level=level, force=True)
    for name in _NEVER_DEBUG:
        logging.getLogger(name).setLevel(max(logging.INFO, logging.getLevelName(level)))
    for name in _NEVER_INFO:
        logging.getLogger(name).setLevel(logging.WARNING)
    for name in _ONLY_CRITICAL:
        logging.getLogger(name).setLevel(logging.CRITICAL)
    return scrubber


def _console() -> structlog.dev.ConsoleRenderer:
    # Plain tracebacks: the pretty ones print local variables, and a password may be one.
    return structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty(), exception_formatter=structlog.dev.plain_traceback)


def _ecs_fields(_logger: object, _method: str, event: Event) -> Event:
    """Renames the fields for `ecs_logging`, which writes the document. Fields without an ECS name become labels."""
    named = {
        "event": event.pop("event", ""),
        "@timestamp": event.pop("timestamp", None),
        "log.level": event.pop("level", None),
        "log.logger": event.pop("logger", None),
        "exception": event.pop("exception", None),
        "service.name": "es-access",
    }
    labels = {"labels": dict(event)} if event else {}
    return {key: value for key, value in named.items() if value is not None} | labels
