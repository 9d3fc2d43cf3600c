"""How long an answer serves, who waits for a reading, and which answer stands in for a cluster that is away."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field

import pytest

from bot.access.cache import Cache, Renewal
from bot.access.errors import Outage, Refusal

SERVED_SECONDS, RENEWED_SECONDS, OUTAGE_SECONDS, PAUSE_SECONDS = 60.0, 30.0, 600.0, 5.0
RENEWAL = Renewal("catalogue", RENEWED_SECONDS, OUTAGE_SECONDS, PAUSE_SECONDS)

PATIENCE = 10.0
"""Seconds to wait for events that should be immediate."""


@dataclass
class Cluster:
    """Counts its readings; waits at the gate while that is closed; fails while `error` is set."""

    readings: int = 0
    now: float = 1000.0
    error: Exception | None = None
    gate: threading.Event = field(default_factory=threading.Event)
    at_gate: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))

    def __post_init__(self) -> None:
        self.gate.set()

    def read(self) -> int:
        self.readings += 1
        number = self.readings
        self.at_gate.release()
        assert self.gate.wait(PATIENCE)
        if self.error:
            raise self.error
        return number

    def clock(self) -> float:
        return self.now


def cache_of(cluster: Cluster) -> Cache[int]:
    return Cache(lambda _: cluster.read(), lambda _: SERVED_SECONDS, renewal=RENEWAL, clock=cluster.clock)


@pytest.fixture
def cluster() -> Cluster:
    return Cluster()


@pytest.fixture
def kept(cluster: Cluster) -> Iterator[Cache[int]]:
    kept = cache_of(cluster)
    yield kept
    cluster.gate.set()
    kept.close()


@pytest.fixture
def people() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(16) as people:
        yield people


@pytest.fixture
def in_background(kept: Cache[int]) -> Callable[[], None]:
    """Waits until a reading in the background has ended."""

    def wait() -> None:
        assert kept._thread is not None
        kept._thread.submit(int).result(PATIENCE)  # there is one thread: its turn comes after the reading

    return wait


def test_answer_serves_for_half_a_minute_without_another_reading(cluster: Cluster, kept: Cache[int]) -> None:
    assert kept.get() == 1
    cluster.now += RENEWED_SECONDS
    assert kept.get() == 1
    assert cluster.readings == 1


def test_older_answer_is_served_at_once_and_read_anew_behind(
    cluster: Cluster, kept: Cache[int], in_background: Callable[[], None]
) -> None:
    kept.get()
    cluster.now += RENEWED_SECONDS + 1
    cluster.gate.clear()
    assert [kept.get() for _ in range(20)] == [1] * 20
    cluster.gate.set()
    in_background()
    assert (kept.get(), cluster.readings) == (2, 2)


def test_too_old_an_answer_is_not_served(cluster: Cluster, kept: Cache[int]) -> None:
    kept.get()
    cluster.now += SERVED_SECONDS + 1
    assert kept.get() == 2


def test_all_who_ask_at_once_share_one_reading(cluster: Cluster, kept: Cache[int], people: ThreadPoolExecutor) -> None:
    cluster.gate.clear()
    asked = [people.submit(kept.get, fresh=number % 2 == 0) for number in range(16)]
    assert cluster.at_gate.acquire(timeout=PATIENCE)
    cluster.gate.set()
    assert [each.result(PATIENCE) for each in asked] == [1] * 16
    assert cluster.readings == 1


def test_fresh_is_satisfied_with_what_was_read_two_seconds_ago(cluster: Cluster, kept: Cache[int]) -> None:
    kept.get()
    cluster.now += 2
    assert kept.get(fresh=True) == 1
    cluster.now += 0.1
    assert kept.get(fresh=True) == 2


def test_fresh_does_not_join_a_reading_that_began_before_what_it_looks_for(
    cluster: Cluster, kept: Cache[int], people: ThreadPoolExecutor
) -> None:
    cluster.gate.clear()
    slow = people.submit(kept.get)
    assert cluster.at_gate.acquire(timeout=PATIENCE)
    cluster.now += 3
    answers: list[Future[int]] = [people.submit(kept.get, fresh=True) for _ in range(5)]
    cluster.gate.set()
    assert slow.result(PATIENCE) == 1
    assert [each.result(PATIENCE) for each in answers] == [2] * 5


def test_answer_is_as_old_as_the_beginning_of_its_reading(
    cluster: Cluster, kept: Cache[int], people: ThreadPoolExecutor
) -> None:
    cluster.gate.clear()
    slow = people.submit(kept.get)
    assert cluster.at_gate.acquire(timeout=PATIENCE)
    cluster.now += SERVED_SECONDS + 1
    cluster.gate.set()
    assert slow.result(PATIENCE) == 1
    assert kept.get() == 2


# --- while the cluster is away -------------------------------------------------------------------------------------


def test_outage_serves_the_last_answer_for_ten_minutes_and_then_is_raised(cluster: Cluster, kept: Cache[int]) -> None:
    began = cluster.now
    kept.get()
    cluster.error = Outage("away")
    for later in (SERVED_SECONDS + 1, SERVED_SECONDS + 200, OUTAGE_SECONDS):
        cluster.now = began + later
        assert kept.get() == 1
    cluster.now = began + OUTAGE_SECONDS + 1
    with pytest.raises(Outage, match="away"):
        kept.get()


def test_outage_is_tried_again_behind_and_not_more_often_than_the_pause(
    cluster: Cluster, kept: Cache[int], in_background: Callable[[], None]
) -> None:
    kept.get()
    cluster.error = Outage("away")
    cluster.now += RENEWED_SECONDS + 1
    for _ in range(10):
        assert kept.get() == 1
        in_background()
    assert cluster.readings == 2
    cluster.now += PAUSE_SECONDS + 0.1
    kept.get()
    in_background()
    assert cluster.readings == 3


def test_nobody_waits_for_a_cluster_that_was_away_a_moment_ago(
    cluster: Cluster, kept: Cache[int], in_background: Callable[[], None]
) -> None:
    kept.get()
    cluster.error = Outage("away")
    cluster.now += SERVED_SECONDS + 1
    kept.get()
    cluster.now += PAUSE_SECONDS + 0.1
    cluster.gate.clear()
    assert kept.get() == 1  # at once: the attempt hangs at the gate
    cluster.error = None
    cluster.gate.set()
    in_background()
    assert kept.get() == cluster.readings


def test_who_asks_for_fresh_is_told_of_the_outage(cluster: Cluster, kept: Cache[int]) -> None:
    kept.get()
    cluster.error = Outage("away")
    cluster.now += 3
    with pytest.raises(Outage):
        kept.get(fresh=True)
    assert kept.get() == 1


def test_outage_before_the_first_answer_is_raised_to_all(
    cluster: Cluster, kept: Cache[int], people: ThreadPoolExecutor
) -> None:
    cluster.error = Outage("away")
    asked = [people.submit(kept.get) for _ in range(4)]
    assert all(isinstance(each.exception(PATIENCE), Outage) for each in asked)
    cluster.error = None
    assert kept.get() == cluster.readings


@pytest.mark.parametrize("error", [Refusal("403"), ValueError("a bug")])
def test_what_is_no_outage_is_not_covered_up(cluster: Cluster, kept: Cache[int], error: Exception) -> None:
    kept.get()
    cluster.error = error
    cluster.now += SERVED_SECONDS + 1
    with pytest.raises(type(error)):
        kept.get()


# --- the end -------------------------------------------------------------------------------------------------------


def test_close_waits_for_the_reading_and_leaves_no_thread(cluster: Cluster) -> None:
    before = set(threading.enumerate())
    kept = cache_of(cluster)
    kept.get()
    cluster.now += RENEWED_SECONDS + 1
    cluster.gate.clear()
    kept.get()
    assert all(cluster.at_gate.acquire(timeout=PATIENCE) for _ in range(2))
    threading.Timer(0.05, cluster.gate.set).start()
    kept.close()
    assert cluster.readings == 2
    assert not [each for each in threading.enumerate() if each not in before and "catalogue" in each.name]


# --- without a thread of its own -----------------------------------------------------------------------------------


def test_each_key_has_an_answer_with_a_lifetime_of_its_own() -> None:
    read: list[str] = []
    now = [0.0]

    def lengths(key: str) -> int:
        read.append(key)
        return len(key)

    cache = Cache(lengths, float, clock=lambda: now[0])
    assert [cache.get("four"), cache.get("three"), cache.get("four")] == [4, 5, 4]
    now[0] = 4.5
    cache.get("four")
    cache.get("three")
    assert read == ["four", "three", "four"]


def test_a_refusal_is_kept_only_where_the_cache_says_for_how_long() -> None:
    now = [0.0]
    calls: list[str] = []

    def refuse(key: str) -> int:
        calls.append(key)
        raise Refusal("no such user", "user_not_found")

    keeps, forgets = Cache(refuse, float, refusal_seconds=60.0, clock=lambda: now[0]), Cache(refuse, float)
    for _ in range(2):
        with pytest.raises(Refusal) as caught:
            keeps.get("kept")
        assert caught.value.code == "user_not_found"
        with pytest.raises(Refusal):
            forgets.get("forgotten")
    assert calls == ["kept", "forgotten", "forgotten"]
    now[0] = 61.0
    with pytest.raises(Refusal):
        keeps.get("kept")
    assert calls[-1] == "kept"


def test_an_answer_that_came_with_another_one_is_put_where_none_serves() -> None:
    cache = Cache(lambda _: 1, lambda _: 60.0, clock=lambda: 0.0)
    cache.put("new", 2)
    cache.get("known")
    cache.put("known", 2)
    assert (cache.get("new"), cache.get("known")) == (2, 1)
    cache.clear()
    assert cache.get("new") == 1
