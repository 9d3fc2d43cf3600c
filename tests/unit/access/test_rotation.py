"""Rotation: when it is due, in which order, who does it, and what a crash or a failure leaves behind."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta

import pytest
from pydantic import SecretStr

from bot.access.backoff import LONGEST_PAUSE_OF_ROTATION
from bot.access.claims import ROTATION_CLAIM
from bot.access.errors import Conflict, NotFound, Outage, Refusal
from bot.access.rotation import Rotation
from bot.access.store.store import Store
from tests.fakes import FakeClock
from tests.rotations import events, names, remembered, second

OLD = SecretStr("old")
MONTH = timedelta(days=30)
MINUTE = timedelta(minutes=1)

Fault = Callable[[], None]


class Crash(BaseException):
    """The process is gone."""


@dataclass
class FakeAccount:
    """A store that keeps all versions, a cluster that takes one password, and the one that this process uses."""

    kept: list[SecretStr] = field(default_factory=lambda: [OLD])
    cluster: SecretStr = OLD
    used: SecretStr = OLD
    calls: list[str] = field(default_factory=list)
    before: dict[str, Fault] = field(default_factory=dict)
    after: dict[str, Fault] = field(default_factory=dict)
    location: str = "a store"

    def _step(self, name: str, act: Callable[[], None]) -> None:
        self.calls.append(name)
        self.before.get(name, lambda: None)()
        act()
        self.after.get(name, lambda: None)()

    def settle(self) -> bool:
        self.calls.append("settle")
        self.before.get("settle", lambda: None)()
        if self.cluster == self.kept[-1]:
            self.used = self.cluster
            return False
        if self.cluster not in (self.used, self.kept[-2]):
            raise Refusal("neither works")
        self.before.get("change", lambda: None)()
        self.cluster = self.used = self.kept[-1]
        return True

    def keep(self, password: SecretStr) -> None:
        self._step("keep", lambda: self.kept.append(password))

    def change(self, password: SecretStr) -> None:
        self._step("change", lambda: setattr(self, "cluster", password))

    def use(self, password: SecretStr) -> None:
        self._step("use", lambda: setattr(self, "used", password))

    def restore(self) -> None:
        self._step("restore", lambda: self.kept.append(self.used))

    def restarted(self) -> "FakeAccount":
        """A new process: it knows only the content of the store."""
        return FakeAccount(self.kept, self.cluster, self.kept[-1])

    @property
    def well(self) -> bool:
        return self.kept[-1] == self.cluster == self.used


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def store(sqlite_store: Store) -> Store:
    return sqlite_store


def rotation_of(account: FakeAccount, store: Store, clock: FakeClock, told: list[str] | None = None) -> Rotation:
    tell: list[str] = [] if told is None else told
    return Rotation(store, {"es": account}, {"es": MONTH}, clock, lambda _, sentence: tell.append(sentence))


def raising(error: BaseException) -> Fault:
    def fail() -> None:
        raise error

    return fail


def test_it_is_written_then_changed_then_used(store: Store, clock: FakeClock) -> None:
    account = FakeAccount()
    assert rotation_of(account, store, clock).rotate("es", "bot rotate") == "a store"
    assert account.calls == ["settle", "keep", "change", "use"]
    assert account.well
    new = account.cluster.get_secret_value()
    assert len(new) == 32
    assert new.isalnum()
    ((event, detail),) = events(store)
    assert (event, detail["actor"], detail["integration"]) == ("connector.rotated", "bot rotate", "es")
    assert new not in repr(store)


def test_it_is_due_after_its_time_and_not_before(store: Store, clock: FakeClock) -> None:
    account = FakeAccount()
    rotation = rotation_of(account, store, clock)
    rotation.run_once()  # how old the password is, nobody knows
    assert names(store) == []
    clock.advance(MONTH - MINUTE)
    rotation.run_once()
    assert account.cluster == OLD
    clock.advance(MINUTE)
    rotation.run_once()
    assert account.well
    assert account.cluster != OLD
    # Another process, later: it counts from the last rotation.
    again = rotation_of(account, store, clock)
    again.run_once()
    clock.advance(MONTH - MINUTE)
    again.run_once()
    assert names(store) == ["connector.rotated"]
    clock.advance(MINUTE)
    again.run_once()
    assert names(store) == ["connector.rotated"] * 2


def test_an_account_that_is_not_rotated_is_settled_and_no_more(store: Store, clock: FakeClock) -> None:
    account = FakeAccount()
    rotation = Rotation(store, {"es": account}, {}, clock)
    for _ in range(3):
        rotation.run_once()
        clock.advance(MONTH)
    assert account.calls == ["settle"]
    assert remembered(store) == []


@pytest.mark.parametrize("step", ["keep", "change", "use"])
@pytest.mark.parametrize("when", ["before", "after"])
def test_a_crash_between_any_two_steps_is_mended_at_the_next_start(
    store: Store, clock: FakeClock, step: str, when: str
) -> None:
    account = FakeAccount()
    getattr(account, when)[step] = raising(Crash())
    with pytest.raises(Crash):
        rotation_of(account, store, clock).rotate("es", "es-access")
    next_process = account.restarted()
    rotation_of(next_process, store, clock).run_once()
    assert next_process.well
    was_between = (when, step) in {("after", "keep"), ("before", "change")}
    assert names(store) == (["connector.rotated"] if was_between else [])
    if was_between:
        assert events(store)[0][1]["after_interruption"] is True


@pytest.mark.parametrize("step", ["settle", "keep", "change"])
def test_a_failure_is_audited_told_once_and_tried_again_later_and_later(
    store: Store, clock: FakeClock, step: str
) -> None:
    account, told = FakeAccount(), list[str]()
    rotation = rotation_of(account, store, clock, told)
    rotation.run_once()
    clock.advance(MONTH)
    account.before[step] = raising(Outage("the store is down"))
    pauses = []
    for _ in range(12):
        since = clock.now()
        while not events(store) or events(store)[-1][1]["at"] < since:
            rotation.run_once()
            clock.advance(MINUTE / 4)
        pauses.append(clock.now() - since)
        assert account.cluster == account.used == OLD, "what works goes on working"
    assert names(store) == ["connector.rotation_failed"] * 12
    assert told == ["the store is down"]
    assert pauses[5] > pauses[1] * 4
    assert pauses[-1] < LONGEST_PAUSE_OF_ROTATION * 1.5
    account.before.clear()
    clock.advance(LONGEST_PAUSE_OF_ROTATION * 1.5)
    rotation.run_once()
    assert account.well
    assert account.cluster != OLD
    assert names(store)[-1] == "connector.rotated"


def test_a_lost_answer_of_the_cluster_does_not_write_a_third_password(store: Store, clock: FakeClock) -> None:
    account = FakeAccount()
    account.before["change"] = raising(Outage("no answer"))
    rotation = rotation_of(account, store, clock)
    with pytest.raises(Outage):
        rotation.rotate("es", "bot rotate")
    assert len(account.kept) == 2
    account.before.clear()
    rotation.rotate("es", "bot rotate")
    assert len(account.kept) == 2, "the password that the cluster takes must stay the one before in the store"
    assert account.well


def test_a_cluster_that_says_no_leaves_the_store_as_it_was(store: Store, clock: FakeClock) -> None:
    account = FakeAccount()
    account.before["change"] = raising(Refusal("not a native user"))
    with pytest.raises(Refusal):
        rotation_of(account, store, clock).rotate("es", "bot rotate")
    assert account.well
    assert account.cluster == OLD


def test_one_process_does_it_at_a_time(store: Store, clock: FakeClock) -> None:
    account = FakeAccount()
    other = second(store)

    def meanwhile() -> None:
        with pytest.raises(Conflict):
            rotation_of(account, other, clock).rotate("es", "bot rotate")

    account.before["change"] = meanwhile
    rotation_of(account, store, clock).rotate("es", "es-access")
    assert names(store) == ["connector.rotated"]
    account.before.clear()
    rotation_of(account, other, clock).rotate("es", "bot rotate")
    assert names(store) == ["connector.rotated"] * 2


def test_a_process_that_died_with_the_duty_loses_it(store: Store, clock: FakeClock) -> None:
    with store.writing() as write:
        assert write.claim_duty("rotation of es", clock.now(), clock.now() + ROTATION_CLAIM)
    other = second(store)
    with pytest.raises(Conflict):
        rotation_of(FakeAccount(), other, clock).rotate("es", "bot rotate")
    clock.advance(ROTATION_CLAIM)
    assert rotation_of(FakeAccount(), other, clock).rotate("es", "bot rotate")


def test_an_unknown_cluster_is_not_found(store: Store, clock: FakeClock) -> None:
    with pytest.raises(NotFound):
        rotation_of(FakeAccount(), store, clock).rotate("nothing", "bot rotate")
