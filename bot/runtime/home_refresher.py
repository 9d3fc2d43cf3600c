"""Publishes open Home tabs again when something on them has changed."""

import threading
import time
from collections.abc import Callable, Sequence

import structlog

from bot.access.errors import DatabaseAway, Outage, Refusal

POLL_SECONDS = 1.0
"""Between two checks for changes: all changes in between need only one call to Slack."""

PAUSE_SECONDS = 5.0
"""Before the next attempt when Slack does not answer, unless it names a time itself."""

log = structlog.get_logger(__name__)


class HomeRefresher:
    """One thread that calls `publish` for each person whose Home tab `changed` reports as out of date."""

    def __init__(self, changed: Callable[[], Sequence[str]], publish: Callable[[str], None]) -> None:
        self._changed = changed
        self._publish = publish
        self._pending: dict[str, float] = {}
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="home", daemon=True)

    def start(self) -> None:
        """Starts the thread."""
        self._thread.start()

    def stop(self) -> None:
        """Stops the thread, and returns when it has finished the current tab."""
        self._stopping.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stopping.wait(POLL_SECONDS):
            try:
                self.run_once()
            except DatabaseAway:
                continue  # pending tabs are published when it is back
            except Exception:
                log.exception("a bug: the check for outdated Home tabs failed")

    def run_once(self) -> None:
        """Publishes the tabs that have changed since the last run, and those that failed then."""
        self._pending |= dict.fromkeys(self._changed(), 0.0)
        for person in [each for each, at in self._pending.items() if at <= time.monotonic()]:
            if self._stopping.is_set():
                return
            try:
                self._publish(person)
            except Outage as error:
                self._pending[person] = time.monotonic() + (error.retry_after or PAUSE_SECONDS)
            except Refusal as error:
                log.warning("a Home tab could not be published", person=person, error=str(error))
                del self._pending[person]
            else:
                del self._pending[person]
