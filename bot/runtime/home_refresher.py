"""Shows Home tabs anew when something has changed for who has them open."""

import threading
import time
from collections.abc import Callable, Sequence

import structlog

from bot.access.errors import DatabaseAway, Outage, Refusal

LOOK_SECONDS = 1.0
"""Between two looks at what has happened: several changes are one publishing."""

PAUSE_SECONDS = 5.0
"""Before another attempt when Slack does not answer and names no time itself."""

log = structlog.get_logger(__name__)


class HomeRefresher:
    """One thread that asks `changed` whose Home tab is out of date, and has `publish` make it anew."""

    def __init__(self, changed: Callable[[], Sequence[str]], publish: Callable[[str], None]) -> None:
        self._changed = changed
        self._publish = publish
        self._owed: dict[str, float] = {}
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="home", daemon=True)

    def start(self) -> None:
        """Begins to look."""
        self._thread.start()

    def stop(self) -> None:
        """Looks no more, and returns when what is in hand is shown."""
        self._stopping.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stopping.wait(LOOK_SECONDS):
            try:
                self.run_once()
            except DatabaseAway:
                continue  # what is owed is shown once it is back
            except Exception:
                log.exception("a bug: Home tabs were not looked at")

    def run_once(self) -> None:
        """Shows what has changed since the last look, and what could not be shown then."""
        self._owed |= dict.fromkeys(self._changed(), 0.0)
        for person in [each for each, at in self._owed.items() if at <= time.monotonic()]:
            if self._stopping.is_set():
                return
            try:
                self._publish(person)
            except Outage as error:
                self._owed[person] = time.monotonic() + (error.retry_after or PAUSE_SECONDS)
            except Refusal as error:
                log.warning("a Home tab could not be shown", person=person, error=str(error))
                del self._owed[person]
            else:
                del self._owed[person]
