"""Logs `ready` after the start when everything answers, or `started` when something does not answer yet."""

import threading

import structlog

from bot.runtime.dependencies import Dependencies

ANSWER_SECONDS = 1.0
"""How long to wait for the first checks. A healthy dependency answers in a few milliseconds."""

log = structlog.get_logger(__name__)


def log_readiness(dependencies: Dependencies, **about: str | int | None) -> None:
    """Logs it in the background, so that a slow cluster does not delay the start."""

    def log_result() -> None:
        ready = dependencies.wait_for_first(ANSWER_SECONDS)
        log.info("ready" if ready else "started", **about)

    threading.Thread(target=log_result, name="readiness", daemon=True).start()
