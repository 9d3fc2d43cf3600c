"""How often jobs run, compared with the intervals and claims that they serve."""

from datetime import timedelta

import pytest

from bot.access import claims, intervals

JOBS = sorted(name for name in vars(intervals) if name.startswith("LOOK_AT_"))


@pytest.mark.parametrize("name", JOBS)
def test_nothing_is_later_than_a_minute(name: str) -> None:
    assert timedelta(seconds=1) <= getattr(intervals, name) <= timedelta(minutes=1)


@pytest.mark.parametrize(
    ("job", "work"),
    [
        ("LOOK_AT_CLUSTERS_EVERY", "RECONCILE_EVERY"),
        ("LOOK_AT_CLUSTERS_EVERY", "MEASURE_CLOCK_EVERY"),
        ("LOOK_AT_REQUESTS_EVERY", "ROUTE_AGAIN"),
        ("LOOK_AT_REQUESTS_EVERY", "REMIND_OF_REVIEW_EVERY"),
    ],
)
def test_a_job_runs_at_least_as_often_as_the_work_in_it(job: str, work: str) -> None:
    assert getattr(intervals, job) <= getattr(intervals, work)


@pytest.mark.parametrize(
    ("job", "claim"),
    [("LOOK_AT_MEMBERS_EVERY", "AUTOMATIC_GRANTS_CLAIM"), ("LOOK_AT_OWNERS_EVERY", "OWNER_CHANGES_CLAIM")],
)
def test_the_process_with_a_duty_keeps_it_from_one_run_to_the_next(job: str, claim: str) -> None:
    assert getattr(intervals, job) < getattr(claims, claim)
