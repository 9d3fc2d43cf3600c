"""Rotation: the connector account gets a new password now and then, and a crash between any two steps is mended.

The order is: the new password is written to the secret store, then it is changed in the cluster, then it is used. So
at every moment either the password in the store works, or the one before it does.
"""

import json
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol

import structlog
from pydantic import SecretStr

from bot.access.backoff import FIRST_PAUSE_OF_ROTATION, LONGEST_PAUSE_OF_ROTATION, pause_after
from bot.access.claims import ROTATION_CLAIM
from bot.access.errors import Conflict, NotFound, Outage, Refusal
from bot.access.ids import APPLICATION
from bot.access.passwords import new_password
from bot.access.ports import Clock
from bot.access.store.store import Store
from bot.access.store.transaction import Transaction

log = structlog.get_logger(__name__)


class ConnectorAccount(Protocol):
    """The application's own account in one cluster. Every call may raise `Outage` or `Refusal`."""

    @property
    def place(self) -> str:
        """Where its password is kept, for people."""
        ...

    def settle(self) -> bool:
        """Makes the password in the store the one that the cluster takes. Returns whether it was not."""
        ...

    def keep(self, password: SecretStr) -> None:
        """Writes it to the secret store; the one that was there stays readable as the one before."""
        ...

    def change(self, password: SecretStr) -> None:
        """Makes it the account's password in the cluster."""
        ...

    def use(self, password: SecretStr) -> None:
        """Makes all further calls with it."""
        ...

    def restore(self) -> None:
        """Writes the password in use to the store again."""
        ...


@dataclass(frozen=True)
class RotationRecord:
    """What is known about the rotations of one account. `retry_at` is set after a failure."""

    rotated_at: datetime
    failures: int = 0
    retry_at: datetime | None = None

    def due(self, every: timedelta) -> datetime:
        """When the next one is to be done."""
        return max(self.rotated_at + every, self.retry_at or self.rotated_at)


def _no_one_is_told(_integration: str, _sentence: str) -> None:
    """Where nobody can be told; the log and the audit have it."""


@dataclass(frozen=True)
class Rotation:
    """Rotates the accounts of all integrations, each after its time. `every` lacks those that are not rotated.

    `tell` is told of a failure once, and of nothing further until a rotation has succeeded.
    """

    store: Store
    accounts: Mapping[str, ConnectorAccount]
    every: Mapping[str, timedelta]
    clock: Clock
    tell: Callable[[str, str], None] = _no_one_is_told
    _unsettled: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self._unsettled.update(self.accounts)

    def run_once(self) -> None:
        """For the ticker: finishes what a crash has interrupted, and rotates what is due."""
        for integration in self.accounts:
            if integration in self._unsettled:
                self._settle(integration)
            if integration in self.every and self._due(integration):
                with suppress(Outage, Refusal, Conflict):  # it is told, and tried again
                    self.rotate(integration, APPLICATION)

    def rotate(self, integration: str, actor: str) -> str:
        """Rotates one account now, and returns where its new password is.

        Raises `NotFound`, `Conflict` while another process does it, and `Outage`, `Refusal` when it fails, which is
        audited and tried again where rotation is on.
        """
        account = self.accounts.get(integration)
        if account is None:
            raise NotFound(integration)
        with self._duty(integration):
            try:
                finished = account.settle() or self._replace(account)
            except (Outage, Refusal) as error:
                self._failed(integration, error)
                raise
            self._unsettled.discard(integration)
            self._done(integration, actor, finished=finished)
        return account.place

    def _replace(self, account: ConnectorAccount) -> bool:
        """Returns false: nothing that was interrupted has been finished."""
        password = new_password()
        account.keep(password)
        try:
            account.change(password)
        except Refusal:
            # The cluster said no, so the one in use stays: the store must not say otherwise. After an outage it is not
            # known which one the cluster takes, and `settle` finds out.
            account.restore()
            raise
        account.use(password)
        return False

    def _settle(self, integration: str) -> None:
        try:
            finished = self.accounts[integration].settle()
        except Outage as error:
            log.info("the connector account could not be looked at yet", integration=integration, error=str(error))
            return
        except Refusal as error:
            log.warning("the connector account is refused", integration=integration, error=str(error))
            finished = False
        self._unsettled.discard(integration)
        if finished:
            self._done(integration, APPLICATION, finished=True)

    def _due(self, integration: str) -> bool:
        now = self.clock.now()
        with self.store.reading() as read:
            known = _read(read, integration)
        if known is None:
            # How old the password is, nobody knows: its time begins now.
            self._remember(integration, RotationRecord(now))
            return False
        return known.due(self.every[integration]) <= now

    def _duty(self, integration: str) -> AbstractContextManager[None]:
        return _Duty(self.store, self.clock, f"rotation of {integration}")

    def _remember(self, integration: str, record: RotationRecord) -> None:
        with self.store.writing() as write:
            _write(write, integration, record, self.clock.now())

    def _done(self, integration: str, actor: str, *, finished: bool) -> None:
        now = self.clock.now()
        with self.store.writing() as write:
            _write(write, integration, RotationRecord(now), now)
            write.audit("connector.rotated", actor, now, None, integration=integration, after_interruption=finished)
        log.info("the connector account has a new password", integration=integration, after_interruption=finished)

    def _failed(self, integration: str, error: Outage | Refusal) -> None:
        now = self.clock.now()
        with self.store.writing() as write:
            known = _read(write, integration) or RotationRecord(now)
            failures = known.failures + 1
            retry_at = now + _pause(failures, error)
            _write(write, integration, RotationRecord(known.rotated_at, failures, retry_at), now)
            write.audit(
                "connector.rotation_failed", APPLICATION, now, None,
                integration=integration, error=str(error), failures=failures, retry_at=retry_at.isoformat(),
            )  # fmt: skip
        log.warning("the connector account could not be rotated", integration=integration, error=str(error))
        if failures == 1:
            self.tell(integration, str(error))


class _Duty:
    """One process rotates one account at a time. Raises `Conflict` at the beginning of the block."""

    def __init__(self, store: Store, clock: Clock, name: str) -> None:
        self._store, self._clock, self._name = store, clock, name

    def __enter__(self) -> None:
        if not self._claim(ROTATION_CLAIM):
            raise Conflict("Another process is rotating this account. Try again in a few minutes.")

    def __exit__(self, *_: object) -> None:
        self._claim(timedelta(0))

    def _claim(self, length: timedelta) -> bool:
        now = self._clock.now()
        with self._store.writing() as write:
            return write.claim_duty(self._name, now, now + length)


def _pause(failures: int, error: Outage | Refusal) -> timedelta:
    named = timedelta(seconds=error.retry_after or 0) if isinstance(error, Outage) else timedelta(0)
    return max(pause_after(failures, LONGEST_PAUSE_OF_ROTATION, FIRST_PAUSE_OF_ROTATION), named)


def _name(integration: str) -> str:
    return f"rotation of {integration}"


def _read(read: Transaction, integration: str) -> RotationRecord | None:
    remembered = read.setting(_name(integration))
    if remembered is None:
        return None
    value = json.loads(remembered.value)
    retry_at = value["retry_at"]
    return RotationRecord(
        datetime.fromisoformat(value["rotated_at"]),
        value["failures"],
        datetime.fromisoformat(retry_at) if retry_at else None,
    )


def _write(write: Transaction, integration: str, record: RotationRecord, now: datetime) -> None:
    value = {
        "rotated_at": record.rotated_at.isoformat(),
        "failures": record.failures,
        "retry_at": record.retry_at.isoformat() if record.retry_at else None,
    }
    write.set_setting(_name(integration), json.dumps(value), now)
