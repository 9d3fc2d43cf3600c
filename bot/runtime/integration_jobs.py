"""Periodic jobs of which each integration has its own run, so that a cluster that hangs holds up no other."""

import threading
from collections.abc import Callable, Iterable
from concurrent.futures import Executor
from dataclasses import dataclass, field

import structlog

from bot.access.errors import DatabaseAway

log = structlog.get_logger(__name__)


@dataclass
class IntegrationJob:
    """Runs `job` for each of the `integrations`, side by side in `threads`.

    Where it is still running, it is not started again.
    """

    name: str
    job: Callable[[str], object]
    integrations: Callable[[], Iterable[str]]
    threads: Executor
    _running: set[str] = field(default_factory=set, init=False)
    _guard: threading.Lock = field(default_factory=threading.Lock, init=False)

    def run_once(self) -> None:
        """Starts the runs, and returns at once."""
        for integration in self.integrations():
            if self._begin(integration):
                self.threads.submit(self._run, integration)

    def _begin(self, integration: str) -> bool:
        with self._guard:
            if integration in self._running:
                return False
            self._running.add(integration)
            return True

    def _run(self, integration: str) -> None:
        try:
            self.job(integration)
        except DatabaseAway:
            pass  # it is already logged, and the next run comes
        except Exception:
            log.exception("a bug: a job failed", job=self.name, integration=integration)
        finally:
            with self._guard:
                self._running.discard(integration)
