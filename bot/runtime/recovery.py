"""Probes a cluster that does not answer, and lets its work go on at the first answer."""

import threading
from collections.abc import Callable, Mapping
from concurrent.futures import Executor
from contextlib import suppress
from dataclasses import dataclass, field

import structlog

from bot.access.calls.gate import PROBE_EVERY_SECONDS, Gate, probing
from bot.access.errors import DatabaseAway, Outage, Refusal
from bot.access.ports import Clock
from bot.access.store.store import Store

ONCE_MORE_SECONDS = 1.0
"""After this, work is made due again that was about to be put off while the cluster came back."""

log = structlog.get_logger(__name__)


@dataclass
class Recovery:
    """Watches whether the clusters answer. `threads` run its probes, of which several may hang."""

    store: Store
    clock: Clock
    threads: Executor
    gates: Mapping[str, Gate] = field(default_factory=dict, init=False)
    ping: Callable[[str], None] = field(default=lambda _: None, init=False)
    """Makes a small call of the cluster of an integration. May raise `Outage`, `Refusal`."""
    route: Callable[[], None] = field(default=lambda: None, init=False)
    """Routes the requests that are due."""
    _probed: set[str] = field(default_factory=set, init=False)
    _guard: threading.Lock = field(default_factory=threading.Lock, init=False)
    _stopping: threading.Event = field(default_factory=threading.Event, init=False)

    def changed(self, integration: str, answers: bool) -> None:
        """The cluster of the integration stops answering, or answers again: an `OnChange`."""
        if answers:
            log.info("a cluster answers again", integration=integration)
            self._submit(self._resume, integration)
            return
        log.warning("a cluster does not answer, so it is only probed", integration=integration)
        with self._guard:
            start = integration not in self._probed
            self._probed.add(integration)
        if start:
            self._submit(self._probe, integration)

    def stop(self) -> None:
        """Probes and resumes nothing more."""
        self._stopping.set()

    def _submit(self, work: Callable[[str], None], integration: str) -> None:
        if not self._stopping.is_set():
            with suppress(RuntimeError):  # the threads were stopped at this moment
                self.threads.submit(work, integration)

    def _probe(self, integration: str) -> None:
        while not self._is_over(integration):
            self._submit(self._ask, integration)  # in a thread of its own: it may hang
            self._stopping.wait(PROBE_EVERY_SECONDS)

    def _is_over(self, integration: str) -> bool:
        with self._guard:
            over = self.gates[integration].is_open or self._stopping.is_set()
            if over:
                self._probed.discard(integration)
            return over

    def _ask(self, integration: str) -> None:
        try:
            with suppress(Outage, Refusal), probing():
                self.ping(integration)
        except Exception:
            log.exception("a bug: a probe failed", integration=integration)

    def _resume(self, integration: str) -> None:
        try:
            self._retry(integration)
            if not self._stopping.wait(ONCE_MORE_SECONDS):
                self._retry(integration)
        except DatabaseAway:
            pass  # it is already logged, and each attempt comes by itself later
        except Exception:
            log.exception("a bug: waiting work was not resumed", integration=integration)

    def _retry(self, integration: str) -> None:
        with self.store.writing() as write:
            write.retry_now(integration, self.clock.now())
        self.route()
