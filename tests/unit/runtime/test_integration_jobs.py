"""Each integration has its own run of a job, and one that hangs holds up no other."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from threading import Event
from time import monotonic, sleep

from structlog.testing import capture_logs

from bot.access.errors import DatabaseAway
from bot.runtime.integration_jobs import IntegrationJob

LONG = 10.0


def test_a_run_that_hangs_holds_up_no_other_and_is_not_started_twice() -> None:
    released, ran = Event(), Counter[str]()

    def run(integration: str) -> None:
        ran[integration] += 1
        if integration == "hangs":
            released.wait(LONG)

    with ThreadPoolExecutor(4) as threads:
        job = IntegrationJob("look", run, lambda: ["hangs", "answers"], threads)
        for times in (1, 2, 3):
            job.run_once()
            _soon(ran, "answers", times)
        assert ran["hangs"] == 1
        released.set()
        _soon(ran, "hangs", 2, job)


def test_a_run_that_fails_is_logged_and_started_again() -> None:
    ran = Counter[str]()

    def run(integration: str) -> None:
        ran[integration] += 1
        raise DatabaseAway("away") if integration == "waits" else KeyError("bug")

    with capture_logs() as lines, ThreadPoolExecutor(4) as threads:
        job = IntegrationJob("look", run, lambda: ["waits", "breaks"], threads)
        _soon(ran, "waits", 2, job)
        _soon(ran, "breaks", 2, job)
    assert {line["integration"] for line in lines} == {"breaks"}


def _soon(ran: Counter[str], integration: str, times: int, job: IntegrationJob | None = None) -> None:
    """Waits until the job has run so many times, and starts it meanwhile if it is given."""
    until = monotonic() + LONG
    while ran[integration] < times or (job is None and integration in ran and ran[integration] > times):
        assert monotonic() < until
        if job is not None:
            job.run_once()
        sleep(0.01)
