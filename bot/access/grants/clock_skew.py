"""Clock skew: a grant ends by the cluster's clock or by ours, whichever comes first."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from bot.access.claims import CLOCK_NOTICE_CLAIM
from bot.access.errors import Outage, Refusal
from bot.access.ids import APPLICATION
from bot.access.intervals import CLOCK_NOTICE_EVERY, MEASURE_CLOCK_EVERY
from bot.access.lifecycle.grants import start_ending
from bot.access.owners import notified_owners
from bot.access.policy.current import CurrentPolicy
from bot.access.policy.model import Integration
from bot.access.ports import Clock, Clusters, Directory
from bot.access.states import EndReason
from bot.access.store.store import Store

TOLERANCE = timedelta(seconds=5)
"""Skew worth reporting. Network time is accurate to milliseconds, and a busy cluster answers within seconds."""

CLOCKS_APART = timedelta(seconds=60)
"""Skew at which someone should act: the shortest access lasts a minute, and shown times are wrong by this much."""

_BATCH = 500


@dataclass(frozen=True)
class ClockSkew:
    """The clocks of es-access and of a cluster differ by too much, or agree again."""

    integration: str
    ahead: timedelta

    @property
    def wrong(self) -> bool:
        """Whether someone should set a clock."""
        return abs(self.ahead) > CLOCKS_APART


@dataclass
class _Measured:
    at: datetime
    ahead: timedelta
    reported: bool = False


@dataclass
class ClockSkewMonitor:
    """Measures the clock of each cluster, ends expired grants by it, and tells owners of a wrong one."""

    store: Store
    clusters: Clusters
    directory: Directory
    current: CurrentPolicy
    clock: Clock
    _measured: dict[str, _Measured] = field(default_factory=dict, init=False)

    def run_once(self, only: str | None = None) -> Sequence[ClockSkew]:
        """Measures the clock of one cluster once, or those of all in turn. Returns the changes since the last run that
        are worth a log line.
        """
        changes = []
        for each in self.current.policy.integrations:
            if only in {None, each.name}:
                self.end_expired(each.name)
                if self._is_due(each.name):
                    changes += self._measure(each)
        return changes

    def measure(self, integration: str) -> timedelta:
        """Measures how far the cluster's clock is ahead. Raises `Outage`, `Refusal`."""
        ahead = self.clusters[integration].ahead()
        known = self._measured.setdefault(integration, _Measured(self.clock.now(), ahead))
        known.at, known.ahead = self.clock.now(), ahead
        return ahead

    def end_expired(self, integration: str) -> int:
        """Ends grants that have expired by the last measured clock of the cluster; returns how many."""
        known = self._measured.get(integration)
        if known is None or known.ahead <= TOLERANCE:
            return 0
        ended = 0
        while True:
            now = self.clock.now()
            with self.store.writing() as write:
                over = write.grants_ending_by(integration, now + known.ahead, _BATCH)
                taken = start_ending(write, over, EndReason.EXPIRED, APPLICATION, now)
            ended += len(taken)
            if not taken or len(over) < _BATCH:
                return ended

    def _is_due(self, integration: str) -> bool:
        known = self._measured.get(integration)
        return known is None or not timedelta(0) <= self.clock.now() - known.at < MEASURE_CLOCK_EVERY

    def _measure(self, integration: Integration) -> list[ClockSkew]:
        try:
            self.measure(integration.name)
        except (Outage, Refusal):
            # The last measurement holds until the next one. A cluster that never answered is asked again at once.
            if integration.name in self._measured:
                self._measured[integration.name].at = self.clock.now()
            return []
        self.end_expired(integration.name)
        known = self._measured[integration.name]
        skew = ClockSkew(integration.name, known.ahead)
        if skew.wrong:
            with suppress(Outage):  # sent once Slack knows the owners again
                self._tell(integration, skew)
        changed, known.reported = known.reported != skew.wrong, skew.wrong
        return [skew] if changed else []

    def _tell(self, integration: Integration, skew: ClockSkew) -> None:
        now, name = self.clock.now(), f"clocks {integration.name}"
        with self.store.reading() as read:
            noticed = read.setting(name)
        if noticed is not None and timedelta(0) <= now - noticed.at < CLOCK_NOTICE_EVERY:
            return
        owners = notified_owners(self.directory, integration)
        with self.store.writing() as write:
            if not write.claim_duty(name, now, now + CLOCK_NOTICE_CLAIM):
                return
            noticed = write.setting(name)
            if noticed is None or not timedelta(0) <= now - noticed.at < CLOCK_NOTICE_EVERY:
                write.set_setting(name, f"{skew.ahead.total_seconds():.0f} s", now)
                write.notify(owners, _sentence(skew), now, about=name[:64])


def _sentence(skew: ClockSkew) -> str:
    seconds = abs(skew.ahead.total_seconds())
    which = "ahead of" if skew.ahead > timedelta(0) else "behind"
    return (
        f"The clock of the cluster {skew.integration} is {seconds:.0f} s {which} mine. "
        "Access ends by the clock that is there first.\n"
        "Let both set their clock over the network: timedatectl set-ntp true"
    )
