"""What this process depends on, checked all the time, so that a probe gets an answer without waiting for one."""

import threading
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

import structlog

from bot.access.errors import Outage, Refusal

LATE_SECONDS = 2.0
"""A check that takes longer counts as failed while it goes on."""

CHECK_SECONDS, CHECK_SLACK_SECONDS = 3.0, 10.0
"""From a successful check to the next."""

RETRY_SECONDS = 2.0
"""From a failed check to the next."""

OK = "ok"

log = structlog.get_logger(__name__)


@dataclass(eq=False)
class Dependency:
    """Makes one check again and again, in a thread of its own: never two at once, and none waits for another.

    `check` raises an error if the dependency cannot be used.
    """

    name: str
    check: Callable[[], object]
    seconds: float = CHECK_SECONDS
    _answer: str | None = field(default=None, init=False)
    _began: float = field(default=0.0, init=False)
    _logged: str = field(default=OK, init=False)
    _first: threading.Event = field(default_factory=threading.Event, init=False)
    _stopping: threading.Event = field(default_factory=threading.Event, init=False)

    def start(self) -> None:
        """Begins to check."""
        self._began = time.monotonic()
        # A daemon thread, unlike those of an executor: a check may take ten seconds, and the process may end before it.
        threading.Thread(target=self._run, name=f"check {self.name}", daemon=True).start()

    def stop(self) -> None:
        """Checks no more. Does not wait for the check in progress."""
        self._stopping.set()

    def wait_for_first(self, seconds: float) -> None:
        """Returns when the first check has ended, or after `seconds`."""
        self._first.wait(max(seconds, 0.0))

    @property
    def answer(self) -> str:
        """`ok`, or the problem. At most a few seconds old."""
        began, answer = self._began, self._answer
        if began and time.monotonic() - began > LATE_SECONDS:
            return f"no answer within {LATE_SECONDS:.0f} s"
        return answer or "not checked yet"

    def _run(self) -> None:
        while not self._stopping.is_set():
            self._began = time.monotonic()
            answer = _answer_of(self.check)
            if not self._stopping.is_set():
                self._log(answer)
            self._answer, self._began = answer, 0.0
            self._first.set()
            self._stopping.wait(self.seconds if answer == OK else RETRY_SECONDS)

    def _log(self, answer: str) -> None:
        """Logs a failure of the first check, or of two in a row, and its end. A single failure means little."""
        if answer == OK and self._logged != OK:
            log.info("a dependency is available again", name=self.name)
            self._logged = OK
        elif OK not in {answer, self._answer} and answer != self._logged:
            log.warning("a dependency is unavailable", name=self.name, error=answer)
            self._logged = answer


class Dependencies:
    """Everything that this process depends on, by name. Each is started on its own."""

    def __init__(self, dependencies: Iterable[Dependency]) -> None:
        self._all = {each.name: each for each in dependencies}

    def stop(self) -> None:
        """Checks no more."""
        for each in self._all.values():
            each.stop()

    def answers(self, *names: str) -> Mapping[str, str]:
        """The answer of each of these, or of all: `ok`, or the problem. Returns at once."""
        return {name: self._all[name].answer for name in names or self._all}

    def wait_for_first(self, seconds: float) -> bool:
        """Returns when each was checked once, or after `seconds`: whether all are well."""
        until = time.monotonic() + seconds
        for each in self._all.values():
            each.wait_for_first(until - time.monotonic())
        return all(answer == OK for answer in self.answers().values())


def _answer_of(check: Callable[[], object]) -> str:
    try:
        check()
    except (Outage, Refusal) as error:
        return str(error)
    except Exception as error:  # noqa: BLE001 (any error means that it is not ready)
        return type(error).__name__
    return OK
