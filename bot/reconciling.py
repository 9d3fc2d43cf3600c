"""Says in the log what the rounds over the clusters and their clocks have found."""

from dataclasses import dataclass, field

import structlog

from bot.access.grants.clock_skew import ClockSkewMonitor
from bot.access.grants.reconciliation import Reconciliation, ReconciliationResult

log = structlog.get_logger(__name__)


@dataclass
class Reconciling:
    """The rounds, as the ticker runs them."""

    reconcile: Reconciliation
    clocks: ClockSkewMonitor
    _failing: dict[str, str] = field(default_factory=dict, init=False)
    _said: dict[str, str] = field(default_factory=dict, init=False)

    def run_once(self) -> None:
        """Compares the clusters whose turn it is with the database."""
        for outcome in self.reconcile.run_once():
            if outcome.changes:
                log.warning("reconciled", integration=outcome.integration, found=outcome.found, **outcome.changes)
            self._say_error(outcome)

    def look_at_clocks(self) -> None:
        """Compares the clusters' clocks with ours."""
        for apart in self.clocks.run_once():
            seconds = round(apart.ahead.total_seconds(), 1)
            if apart.wrong:
                log.warning("clocks differ, grants end by the earlier", cluster=apart.integration, ahead=seconds)
            else:
                log.info("clocks agree again", cluster=apart.integration, ahead=seconds)

    def _say_error(self, outcome: ReconciliationResult) -> None:
        """The second time in a row, and then once: at a start much is not there yet, and each round is soon."""
        name, error = outcome.integration, outcome.error
        if error and self._failing.get(name) == error and self._said.get(name) != error:
            log.warning("cannot reconcile yet", integration=name, error=error)
            self._said[name] = error
        if not error:
            self._said.pop(name, None)
        self._failing[name] = error
