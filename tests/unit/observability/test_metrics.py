"""Metrics beside the database: the exported values when it does not answer, and the effect of an odd commit."""

from datetime import timedelta
from functools import partial

import pytest
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy.exc import OperationalError

from bot.access.call_failures import ignore_failure, reported
from bot.access.calls.gate import UNANSWERED_SECONDS, Gate
from bot.access.errors import Outage
from bot.access.grants.revocation import ATTEMPTS_BEFORE_OWNERS_HEAR
from bot.access.states import EndReason
from bot.access.store.gauges import Gauges, ending_since, gauges
from bot.access.store.transaction import Transaction
from bot.observability.metrics import Metrics
from tests.fakes import OWNER, FakeClock, World


def exported(metrics: Metrics) -> dict[tuple[str, ...], float]:
    return {
        (sample.name, *(str(each) for each in sample.labels.values())): sample.value
        for family in text_string_to_metric_families(metrics.page().decode())
        for sample in family.samples
    }


@pytest.fixture
def metrics(world: World) -> Metrics:
    """Watching a world's store."""
    engine = world.store.engine
    found = Metrics(partial(gauges, engine, None), partial(ending_since, engine), world.clock)
    world.store.on_commit(found.committed)
    return found


def away() -> Gauges:
    raise OperationalError("SELECT", {}, OSError("gone"))


def test_a_database_that_is_away_is_a_metric() -> None:
    metrics = Metrics(away, lambda _: None, FakeClock())
    found = exported(metrics)
    assert found["es_access_database_up",] == 0
    assert found["es_access_requests_total", "approved"] == 0
    assert ("es_access_outbox_owed",) not in found


def test_a_commit_that_cannot_be_counted_is_committed(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    metrics = Metrics(away, lambda _: None, FakeClock())
    monkeypatch.setattr(metrics, "_count", lambda _event: 1 / 0)
    world.store.on_commit(metrics.committed)
    assert world.ask()
    assert isinstance(Transaction, type)


def test_a_failed_revocation_is_counted_until_it_is_confirmed(world: World, metrics: Metrics) -> None:
    request_id = world.granted()
    world.cluster.removing.errors = [Outage("away")] * ATTEMPTS_BEFORE_OWNERS_HEAR
    world.grants.revoke(request_id, OWNER)
    for _ in range(ATTEMPTS_BEFORE_OWNERS_HEAR):
        world.work_grants()
        world.clock.advance(timedelta(minutes=5))
    found = exported(metrics)
    assert found["es_access_grants", "revocation_failed"] == 1
    assert found["es_access_grant_transitions_total", "revocation_failed"] == 1
    world.clock.advance(timedelta(hours=2))
    world.work()
    found = exported(metrics)
    assert found["es_access_grants", "revocation_failed"] == 0
    assert found["es_access_grant_ends_total", EndReason.REVOKED.value] == 1, "once, however often it was tried"
    assert found["es_access_revocation_lag_seconds_count",] == 1
    from_the_first_click = 2 * 3600 + ATTEMPTS_BEFORE_OWNERS_HEAR * 300
    assert found["es_access_revocation_lag_seconds_sum",] == pytest.approx(from_the_first_click)


def test_the_oldest_message_is_as_old_as_it_is_owed_however_often_it_was_tried(world: World, metrics: Metrics) -> None:
    world.ask()
    world.notifier.sending.errors = [Outage("away")] * 3
    for _ in range(3):
        world.outbox.work(world.claim_messages()[:1])
        world.clock.advance(timedelta(minutes=6))
    found = exported(metrics)
    assert found["es_access_outbox_owed",] == 2
    assert found["es_access_outbox_oldest_seconds",] == 18 * 60
    world.clock.advance(timedelta(minutes=6))
    world.work_messages()
    found = exported(metrics)
    assert (found["es_access_outbox_owed",], found["es_access_outbox_oldest_seconds",]) == (0, 0)


def test_failed_calls_are_counted_and_raised_all_the_same(metrics: Metrics) -> None:
    with pytest.raises(Outage), reported("slack", metrics.call_failed):
        raise Outage("away")
    with pytest.raises(Outage), reported("slack", ignore_failure):
        raise Outage("away")
    assert exported(metrics)["es_access_call_errors_total", "outage", "slack"] == 1


def test_a_cluster_that_does_not_answer_is_a_metric(metrics: Metrics) -> None:
    clock = iter((0.0, UNANSWERED_SECONDS))
    hangs, answers = Gate("hangs", clock=lambda: next(clock)), Gate("answers")
    with pytest.raises(TimeoutError), hangs.passing():
        raise TimeoutError
    metrics.gates = {each.name: each for each in (hangs, answers)}
    found = exported(metrics)
    assert [found["es_access_cluster_up", name] for name in ("hangs", "answers")] == [0, 1]
