"""The ticker: what must happen now and then, whether anybody clicked or not. Each job is one call."""

from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta

from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.schedulers.background import BackgroundScheduler

from bot.access.errors import DatabaseAway

_THREADS = 14
"""As many jobs as there are: a slow one must not keep another waiting."""


class Ticker:
    """Runs jobs at intervals, in threads of its own. A job that is late is run once, however many runs it missed."""

    def __init__(self) -> None:
        # misfire_grace_time is 1 s by default, and a job that is later than that is dropped (measured on 3.11).
        self._scheduler = BackgroundScheduler(
            timezone=UTC,
            executors={"default": ThreadPoolExecutor(_THREADS)},
            job_defaults={"misfire_grace_time": None, "coalesce": True, "max_instances": 1},
        )

    def every(self, interval: timedelta, job: Callable[[], object], name: str) -> None:
        """Runs `job` at that interval, and for the first time at the start. One that finds no database is run again."""
        seconds = interval.total_seconds()

        def run() -> None:
            # Everything else that a job raises is a bug, and logged as one by the scheduler.
            with suppress(DatabaseAway):
                job()

        self._scheduler.add_job(run, "interval", seconds=seconds, id=name, name=name, next_run_time=datetime.now(UTC))

    def start(self) -> None:
        """Begins to tick."""
        self._scheduler.start()

    def stop(self) -> None:
        """Ticks no more, and returns when the job in hand is finished."""
        self._scheduler.shutdown(wait=True)
