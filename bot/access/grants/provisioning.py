"""Provisioning: creates an approved grant in the cluster and delivers its secret. Each step can be repeated."""

from collections.abc import Sequence
from concurrent.futures import Executor, wait
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

from bot.access.audit.terms import access_terms, terms_of_key
from bot.access.backoff import LONGEST_PAUSE, LONGEST_PAUSE_FAILED, pause_after
from bot.access.claims import REVEAL_CLAIM
from bot.access.errors import Conflict, Gone, LostRace, Outage, Refusal, Unanswered, Unusable
from bot.access.grants.attempts import renew_after_takeover
from bot.access.grants.new_secrets import FAULTS, NewSecrets
from bot.access.grants.own_accounts.personal_roles import PersonalRoles
from bot.access.grants.specs import spec_of
from bot.access.ids import APPLICATION
from bot.access.lifecycle.grants import end_grant, release
from bot.access.lifecycle.timeline import TimelineEvent, add_to_timeline, stamp
from bot.access.models.columns import FREE, CredentialKind, Delivery
from bot.access.models.grants import Grant, GrantTask
from bot.access.models.messages import Message, MessageKind
from bot.access.models.request_details import RequestDetails
from bot.access.ports import Clock, Clusters, Credential, Notifier
from bot.access.states import EndReason, GrantState
from bot.access.store.changes import GrantChanges
from bot.access.store.store import Store

ATTEMPTS_BEFORE_REQUESTER_HEARS = 3
"""After a few seconds of waiting for the cluster: longer than a hiccup, shorter than a person's patience."""


@dataclass(frozen=True)
class Provisioning:
    """Creates secrets and delivers them."""

    store: Store
    clusters: Clusters
    notifier: Notifier
    clock: Clock
    roles: PersonalRoles
    executor: Executor
    """Runs work in parallel to the calls to the cluster."""

    @property
    def secrets(self) -> NewSecrets:
        """Makes the secrets in the clusters."""
        return NewSecrets(self.store, self.clusters, self.clock)

    def work(self, grants: Sequence[Grant]) -> None:
        """Does the work due on claimed grants. Failed calls are retried later."""
        for grant in grants:
            self._work(grant)

    def reveal(self, grant_id: str, actor: str) -> tuple[RequestDetails, Credential]:
        """Makes a secret for a click that waits for it. Raises `Conflict`, `Outage`, `Refusal`."""
        now = self.clock.now()
        with self.store.writing() as write:
            details = write.request_details(grant_id)
            _check_active(grant_id, details.grant, now)
            grant = write.claim_grant(grant_id, now, now + REVEAL_CLAIM)
        if grant is None:
            raise Conflict(f"{grant_id} is being changed at this moment. Press Reveal again in a few seconds.")
        try:
            _check_active(grant_id, grant, now)
            credential = self.secrets.replacement(details, grant, lambda _: None)
            self._record_reveal(grant, details, credential, actor)
        except LostRace:
            self._release(grant)
            raise _changed(grant_id) from None
        except Gone:
            self._removed_by_hand(grant)
            raise Conflict(f"{grant_id} was removed from the cluster by hand. Ask for access anew.") from None
        except Unusable as error:
            self._unusable(grant, details, error)
            raise Conflict(f"{grant_id} ends: {FAULTS[error.fault]}. Its owners are told.") from None
        except Exception as error:
            self._give_back(grant, error)
            raise
        return details, credential

    def _give_back(self, grant: Grant, error: Exception) -> None:
        """Ends the claim of a click that failed: the grant is due when it was before."""
        now = self.clock.now()
        if isinstance(error, Unanswered):
            with suppress(LostRace), self.store.writing() as write:
                write.change(
                    grant, "grant.reveal_delayed", APPLICATION, now, {"error": str(error)}, attempt=grant.attempt + 1
                )
        with self.store.writing() as write:
            write.postpone(grant, grant.due_at or now)

    def _record_reveal(self, grant: Grant, details: RequestDetails, credential: Credential, actor: str) -> None:
        # Work that became due while the grant was claimed starts now, not a second later.
        with self.store.writing() as write:
            write.change(
                grant, "grant.revealed", actor, self.clock.now(), terms_of_key(details, grant, credential),
                key_id=credential.key_id, due_at=grant.due_at, **FREE,
            )  # fmt: skip

    def _removed_by_hand(self, grant: Grant) -> None:
        try:
            self._end(grant, EndReason.REMOVED_BY_HAND)
        except LostRace:
            # It has ended in the meantime, or another process made a secret under another name.
            self._release(grant)
            raise _changed(grant.id) from None

    def _unusable(self, grant: Grant, details: RequestDetails, error: Unusable) -> None:
        try:
            self._fail(grant, details, FAULTS[error.fault], str(error))
        except LostRace:
            self._release(grant)

    def _work(self, grant: Grant) -> None:
        try:
            if grant.expires_at <= self.clock.now():
                self._postpone(grant)  # it has expired: `revocation` ends it
            elif grant.state is GrantState.PROVISIONING:
                self._provision(grant)
            elif grant.task is not None:
                self._do_task(grant, grant.task)
            else:
                self._postpone(grant)
        except LostRace:
            # Someone ended or extended it while it was claimed: the row has the work that is due now.
            self._settle(grant)

    def _postpone(self, grant: Grant) -> None:
        with self.store.writing() as write:
            write.postpone(grant, grant.expires_at)

    def _provision(self, grant: Grant) -> None:
        details, message = self._read(grant)
        if details.request.kind is CredentialKind.OWN_ACCOUNT:
            self._give_to_own_account(grant, details)
            return
        placing = self.executor.submit(self._post_message, message, details)
        end = EndReason.NOT_CREATED
        try:
            try:
                credential = self.secrets.first(details, grant)
            finally:
                wait([placing])  # the position of the message must be kept, whatever the cluster answered
            end = EndReason.NOT_DELIVERED
            placing.result()
            if credential is not None:
                self._deliver(grant, details, message, credential)
            self.secrets.end_others(details, grant)
        except Unusable as error:
            self._fail(grant, details, FAULTS[error.fault], str(error))
        except Refusal as error:
            self._fail(grant, details, end, str(error))
        except Outage as error:
            self._retry_later(grant, details, error)
        else:
            self._activate(grant, details, credential)

    def _give_to_own_account(self, grant: Grant, details: RequestDetails) -> None:
        """No secret stands in the message, so that access need not wait for Slack."""
        try:
            self.roles.give(details, grant, lambda: self._activate(grant, details, None))
        except Refusal as error:
            self._fail(grant, details, EndReason.NOT_CREATED, str(error))
        except Outage as error:
            self._retry_later(grant, details, error)

    def _deliver(self, grant: Grant, details: RequestDetails, message: Message, credential: Credential) -> None:
        self._check_still_mine(grant)
        self._post_message(message, details)  # the message of an adopted grant has no known position
        self.notifier.deliver(message, details, credential)

    def _check_still_mine(self, grant: Grant) -> None:
        """Raises `LostRace` if another process took over the grant: the password that it set is the one to show."""
        with self.store.reading() as read:
            if not read.holds(grant):
                raise LostRace(grant.id)

    def _activate(self, grant: Grant, details: RequestDetails, credential: Credential | None) -> None:
        now = self.clock.now()
        with self.store.writing() as write:
            write.move(
                grant, GrantState.ACTIVE, APPLICATION, now,
                {**access_terms(details, grant), "username": grant.new_username},
                delivered_at=now, due_at=grant.expires_at, attempts=0, attempt_in_use=grant.attempt,
                key_id=credential.key_id if credential else None, **FREE,
            )  # fmt: skip
            add_to_timeline(write, grant.id, now, TimelineEvent.DELIVERED, stamp(grant.expires_at))
            if credential is None:
                write.post_reserved(grant.id, MessageKind.CREDENTIAL, now)
                write.refresh(grant.id, [MessageKind.CREDENTIAL], now)

    def _do_task(self, grant: Grant, task: GrantTask) -> None:
        details, message = self._read(grant)
        own = details.request.kind is CredentialKind.OWN_ACCOUNT
        revealed = details.request.delivery is Delivery.REVEAL or own
        key = details.request.kind is CredentialKind.API_KEY
        try:
            credential = None
            if own:
                self.roles.rewrite(details.request)
            elif task is GrantTask.RENEW or (key and not revealed):
                credential = self.secrets.replacement(details, grant, partial(self._deliver, grant, details, message))
            elif not key:
                self.clusters[details.request.integration].extend(spec_of(details.request, grant))
        except Gone:
            self._end(grant, EndReason.REMOVED_BY_HAND)
        except Unusable as error:
            self._fail(grant, details, FAULTS[error.fault], str(error))
        except (Outage, Refusal) as error:
            self._retry_later(grant, details, error)
        else:
            self._record_task(grant, details, task, credential, show=revealed)

    def _record_task(
        self, grant: Grant, details: RequestDetails, task: GrantTask, credential: Credential | None, *, show: bool
    ) -> None:
        now = self.clock.now()
        event = "grant.renewed" if task is GrantTask.RENEW else "grant.extension_applied"
        done: GrantChanges = {
            "task": None, "due_at": grant.expires_at, "attempts": 0, "claimed_by": None, "claimed_until": None,
        }  # fmt: skip
        if credential is not None:
            done["key_id"] = credential.key_id
        with self.store.writing() as write:
            write.change(grant, event, APPLICATION, now, terms_of_key(details, grant, credential), **done)
            write.refresh(grant.id, [MessageKind.CREDENTIAL] if show else [], now)

    def _post_message(self, message: Message, details: RequestDetails) -> None:
        """Posts the message for the credential and stores its position before it holds any secret."""
        if message.ts is not None:
            return
        posted = self.notifier.send(message, details)
        with self.store.writing() as write:
            write.record_position(message, posted)

    def _read(self, grant: Grant) -> tuple[RequestDetails, Message]:
        with self.store.reading() as read:
            details = read.request_details(grant.id)
            message = read.message(grant.id, MessageKind.CREDENTIAL, details.request.requester)
        if message is None:
            raise LookupError(f"{grant.id} has no message for its credential")
        return details, message

    def _retry_later(self, grant: Grant, details: RequestDetails, error: Outage | Refusal) -> None:
        now = self.clock.now()
        attempts = grant.attempts + 1
        longest = LONGEST_PAUSE if isinstance(error, Outage) else LONGEST_PAUSE_FAILED
        pause = pause_after(attempts, longest)
        if isinstance(error, Outage) and error.retry_after is not None:
            pause = timedelta(seconds=error.retry_after)  # the other side named the pause, so nobody waits longer
        doing = "provisioning" if grant.state is GrantState.PROVISIONING else str(grant.task)
        with self.store.writing() as write:
            event = f"grant.{doing}_delayed"
            write.change(
                grant, event, APPLICATION, now, {"error": str(error)}, attempts=attempts,
                attempt=grant.attempt + isinstance(error, Unanswered),
            )  # fmt: skip
            if attempts == ATTEMPTS_BEFORE_REQUESTER_HEARS and grant.task is not GrantTask.EXTEND:
                write.enqueue(grant.id, MessageKind.DELAYED, [details.request.requester], now)
            # At the expiry at the latest: a grant that was never delivered ends on time, too.
            write.postpone(grant, min(now + pause, grant.expires_at))

    def _fail(self, grant: Grant, details: RequestDetails, end: EndReason, error: str) -> None:
        now = self.clock.now()
        with self.store.writing() as write:
            end_grant(write, grant, end, APPLICATION, now, error)
            write.enqueue(grant.id, MessageKind.FAILED, details.request.owners, now)
            write.postpone(grant, now)

    def _end(self, grant: Grant, end: EndReason) -> None:
        now = self.clock.now()
        with self.store.writing() as write:
            end_grant(write, grant, end, APPLICATION, now)
            write.postpone(grant, now)

    def _settle(self, grant: Grant) -> None:
        now = self.clock.now()
        with self.store.writing() as write:
            mine = write.holds(grant)
            release(write, grant, now)
            if not mine:
                with suppress(LostRace):  # the new holder will find the same
                    renew_after_takeover(write, grant.id, now)

    def _release(self, grant: Grant) -> None:
        with self.store.writing() as write:
            release(write, grant, self.clock.now())


def _changed(grant_id: str) -> Conflict:
    return Conflict(f"{grant_id} has changed meanwhile. See /es-access status {grant_id}.")


def _check_active(grant_id: str, grant: Grant | None, now: datetime) -> None:
    if grant is None or grant.state is not GrantState.ACTIVE or grant.expires_at <= now:
        raise Conflict(f"{grant_id} is not active, so there is nothing to reveal.")
