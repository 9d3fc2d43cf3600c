"""Rotates the passwords of the connector accounts, and recovers from a crash between any two steps.

The order is: write the new password to the secret store, change it in the cluster, then use it. So at any time either
the password in the store works, or the one before it.
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
    def location(self) -> str:
        """Where its password is stored, in words for people."""
        ...

    def settle(self) -> bool:
        """Makes the store and the cluster agree on the password. Returns whether they disagreed."""
        ...

    def keep(self, password: SecretStr) -> None:
        """Writes `password` to the secret store, which keeps the present one as the previous one."""
        ...

    def change(self, password: SecretStr) -> None:
        """Sets the account's password in the cluster."""
        ...

    def use(self, password: SecretStr) -> None:
        """Uses `password` for all further calls."""
        ...

    def restore(self) -> None:
        """Writes the password in use back to the store."""
        ...


@dataclass(frozen=True)
class RotationRecord:
    """The last rotation of one account. `failures` counts failed attempts since; `retry_at` is the next one."""

    rotated_at: datetime
    failures: int = 0
    retry_at: datetime | None = None

    def due(self, every: timedelta) -> datetime:
        """When the next rotation is due."""
        return max(self.rotated_at + every, self.retry_at or self.rotated_at)


def _notify_nobody(_integration: str, _sentence: str) -> None:
    """For a command: failures are only logged and audited."""


@dataclass(frozen=True)
class Rotation:
    """Rotates the accounts of all integrations. `every` has the period of each account that is rotated.

    `notify` is called for the first failure, and not again until a rotation has succeeded.
    """

    store: Store
    accounts: Mapping[str, ConnectorAccount]
    every: Mapping[str, timedelta]
    clock: Clock
    notify: Callable[[str, str], None] = _notify_nobody
    _unsettled: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self._unsettled.update(self.accounts)

    def run_once(self) -> None:
        """Finishes rotations that a crash interrupted, and rotates the accounts that are due."""
        for integration in self.accounts:
            if integration in self._unsettled:
                self._settle(integration)
            if integration in self.every and self._due(integration):
                with suppress(Outage, Refusal, Conflict):  # already reported, and retried later
                    self.rotate(integration, APPLICATION)

    def rotate(self, integration: str, actor: str) -> str:
        """Rotates one account now, and returns where its new password is stored.

        Raises `NotFound`, `Conflict` while another process rotates it, and `Outage` or `Refusal` when it fails. A
        failure is audited, and retried later when the account has a period.
        """
        account = self.accounts.get(integration)
        if account is None:
            raise NotFound(integration)
        with self._exclusive(integration):
            try:
                finished = account.settle() or self._replace(account)
            except (Outage, Refusal) as error:
                self._record_failure(integration, error)
                raise
            self._unsettled.discard(integration)
            self._record_success(integration, actor, finished=finished)
        return account.location

    def _replace(self, account: ConnectorAccount) -> bool:
        """Sets a new password. Returns false: no interrupted rotation was finished."""
        password = new_password()
        account.keep(password)
        try:
            account.change(password)
        except Refusal:
            # The cluster refused, so the password in use stays, and the store must agree. After an outage it is unknown
            # which password the cluster has; `settle` finds out.
            account.restore()
            raise
        account.use(password)
        return False

    def _settle(self, integration: str) -> None:
        try:
            finished = self.accounts[integration].settle()
        except Outage as error:
            log.info("cannot check the connector account yet", integration=integration, error=str(error))
            return
        except Refusal as error:
            log.warning("the connector account is refused", integration=integration, error=str(error))
            finished = False
        self._unsettled.discard(integration)
        if finished:
            self._record_success(integration, APPLICATION, finished=True)

    def _due(self, integration: str) -> bool:
        now = self.clock.now()
        with self.store.reading() as read:
            record = _read(read, integration)
        if record is None:
            # The age of the password is unknown, so its period begins now.
            self._save(integration, RotationRecord(now))
            return False
        return record.due(self.every[integration]) <= now

    def _exclusive(self, integration: str) -> AbstractContextManager[None]:
        return _RotationClaim(self.store, self.clock, f"rotation of {integration}")

    def _save(self, integration: str, record: RotationRecord) -> None:
        with self.store.writing() as write:
            _write(write, integration, record, self.clock.now())

    def _record_success(self, integration: str, actor: str, *, finished: bool) -> None:
        now = self.clock.now()
        with self.store.writing() as write:
            _write(write, integration, RotationRecord(now), now)
            write.audit("connector.rotated", actor, now, None, integration=integration, after_interruption=finished)
        log.info("the connector account has a new password", integration=integration, after_interruption=finished)

    def _record_failure(self, integration: str, error: Outage | Refusal) -> None:
        now = self.clock.now()
        with self.store.writing() as write:
            record = _read(write, integration) or RotationRecord(now)
            failures = record.failures + 1
            retry_at = now + _pause(failures, error)
            _write(write, integration, RotationRecord(record.rotated_at, failures, retry_at), now)
            write.audit(
                "connector.rotation_failed", APPLICATION, now, None,
                integration=integration, error=str(error), failures=failures, retry_at=retry_at.isoformat(),
            )  # fmt: skip
        log.warning("the connector account could not be rotated", integration=integration, error=str(error))
        if failures == 1:
            self.notify(integration, str(error))


class _RotationClaim:
    """Lets only one process rotate an account at a time. Entering the block raises `Conflict` in any other."""

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
    setting = read.setting(_name(integration))
    if setting is None:
        return None
    value = json.loads(setting.value)
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
