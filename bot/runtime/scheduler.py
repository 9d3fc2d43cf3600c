"""Runs periodic jobs."""

from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta

from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.schedulers.background import BackgroundScheduler

from bot.access.errors import DatabaseAway

_THREADS = 16
"""One for each job, so that a slow one delays no other."""


class Scheduler:
    """Runs jobs at intervals, in its own threads. A late job runs once, however many runs it missed."""

    def __init__(self) -> None:
        # By default a run that is more than 1 s late is dropped (misfire_grace_time, measured on 3.11).
        self._scheduler = BackgroundScheduler(
            timezone=UTC,
            executors={"default": ThreadPoolExecutor(_THREADS)},
            job_defaults={"misfire_grace_time": None, "coalesce": True, "max_instances": 1},
        )

    def every(self, interval: timedelta, job: Callable[[], object], name: str) -> None:
        """Runs `job` at the start and then at that interval. A run without a database is skipped."""
        seconds = interval.total_seconds()

        def run() -> None:
            # Any other error is a bug, which APScheduler logs.
            with suppress(DatabaseAway):
                job()

        self._scheduler.add_job(run, "interval", seconds=seconds, id=name, name=name, next_run_time=datetime.now(UTC))

    def start(self) -> None:
        """Starts the jobs."""
        self._scheduler.start()

    def stop(self) -> None:
        """Starts no more runs, and returns when those in progress have finished."""
        self._scheduler.shutdown(wait=True)
