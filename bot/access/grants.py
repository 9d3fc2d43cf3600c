"""Grants: provision, deliver, end, revoke, retry. Each step can be run again, by another process too."""

import random
import secrets
import string
from concurrent.futures import Executor, wait
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from pydantic import SecretStr

from bot.access.approvals import APPLICATION, Approvals, describe_end, tell_outcome
from bot.access.errors import Conflict, LostRace, NotFound, Outage, Refusal
from bot.access.models import AccessRequest, Grant, Message, MessageKind
from bot.access.ports import Clock, Cluster, Clusters, Credential, CredentialSpec, Notifier, Privileges, Receipt, Story
from bot.access.states import LIVE, GrantState, RequestState
from bot.access.storing import Store, Transaction

PASSWORD_LENGTH = 32
"""Letters and digits alone, 190 bits: safe to paste into a shell, a URL and a form."""

FIRST_PAUSE = timedelta(seconds=1)
LONGEST_PAUSE = timedelta(minutes=1)
"""Between attempts to provision or revoke: doubled each time up to this, with jitter."""

ATTEMPTS_BEFORE_OWNERS_HEAR = 5
"""About half a minute of failing revocation, after which it is called failed and the owners are told."""

LONGEST_PAUSE_FAILED = timedelta(hours=1)
"""Between attempts to revoke what owners have been told of; for ever."""

ATTEMPTS_BEFORE_REQUESTER_HEARS = 3
"""A few seconds of waiting for the cluster: longer than a hiccup, shorter than patience."""

_ALPHABET = string.ascii_letters + string.digits


class End(StrEnum):
    """Why a grant ended, in the audit and in messages."""

    EXPIRED = "expired"
    REVOKED = "revoked"
    NOT_CREATED = "could not be created"
    NOT_DELIVERED = "could not be delivered"
    NOT_A_MEMBER = "no longer a member"
    FLOW_CHANGED = "its access flow was changed"


def new_password() -> SecretStr:
    """A fresh password, made anew for every attempt to provision."""
    return SecretStr("".join(secrets.choice(_ALPHABET) for _ in range(PASSWORD_LENGTH)))


def pause_after(attempts: int, longest: timedelta) -> timedelta:
    """How long to wait after that many failed attempts: doubling, with jitter so that many do not return as one."""
    full: timedelta = min(FIRST_PAUSE * (1 << min(attempts - 1, 20)), longest)
    return full * random.uniform(0.75, 1.25)  # noqa: S311 (jitter, not a secret)


@dataclass(frozen=True)
class Grants:
    """The life of a grant after the approval. `work` is for workers, `revoke` for people."""

    store: Store
    clusters: Clusters
    approvals: Approvals
    notifier: Notifier
    clock: Clock
    executor: Executor
    """Runs what is done beside the calls to the cluster."""

    def revoke(self, grant_id: str, actor: str) -> Story:
        """Ends a live grant early, for its requester or one of the owners. Raises `AccessError`, `Outage`."""
        with self.store.reading() as read:
            request = read.request(grant_id)
        if request is None or not (actor == request.requester or self.approvals.may_end(request, actor)):
            raise NotFound(grant_id)
        while True:
            with self.store.reading() as read:
                grant = read.grant(grant_id)
            if grant is None:
                raise Conflict(_no_grant(request))
            if grant.state not in LIVE:
                raise Conflict(f"{grant_id} has already ended. Nothing was changed.")
            try:
                return self.end(grant, End.REVOKED, actor)
            except LostRace:
                continue  # it was changed meanwhile, by a worker perhaps, and may still be alive

    def end(self, grant: Grant, end: End, actor: str) -> Story:
        """Ends a live grant; workers do the rest. Raises `LostRace` when it has changed since it was read."""
        with self.store.writing() as write:
            self._end(write, grant, end, actor)
            return write.story(grant.id)

    def work(self, grant: Grant) -> None:
        """Does what is due for a claimed grant. Failures of the outside are kept for another attempt."""
        try:
            if grant.state is GrantState.PROVISIONING and grant.expires_at > self.clock.now():
                self._provision(grant)
                return
            self._revoke(grant)
        except LostRace:
            # Somebody ended or extended it while it was in hand: what is due now is in the row.
            self._settle(grant)

    def _provision(self, grant: Grant) -> None:
        story, message = self._read(grant)
        spec, password = _spec(story, grant), new_password()
        placing = self.executor.submit(self._place, message, story)
        step = End.NOT_CREATED
        try:
            try:
                self._cluster(story).create(spec, password)
            finally:
                wait([placing])  # whatever the cluster said, where the message stands must not be lost
            step = End.NOT_DELIVERED
            placing.result()
            self._check_still_mine(grant)
            self.notifier.deliver(message, story, Credential(grant.username, password))
        except Refusal as error:
            self._fail(grant, story, step, str(error))
        except Outage as error:
            self._later(grant, story, error)
        else:
            self._activate(grant)

    def _check_still_mine(self, grant: Grant) -> None:
        """Raises `LostRace` where another process took the grant over: the password that it set is the one to show."""
        with self.store.reading() as read:
            if not read.holds(grant):
                raise LostRace(grant.id)

    def _activate(self, grant: Grant) -> None:
        now = self.clock.now()
        with self.store.writing() as write:
            write.move(
                grant, GrantState.ACTIVE, APPLICATION, now,
                delivered_at=now, due_at=grant.expires_at, attempts=0, claimed_by=None, claimed_until=None,
            )  # fmt: skip

    def _place(self, message: Message, story: Story) -> None:
        """Posts the message that will hold the credential, and remembers where, before any secret is in it."""
        if message.ts is not None:
            return
        posted = self.notifier.send(message, story)
        with self.store.writing() as write:
            write.place(message, posted)

    def _read(self, grant: Grant) -> tuple[Story, Message]:
        with self.store.reading() as read:
            story = read.story(grant.id)
            message = read.message(grant.id, MessageKind.CREDENTIAL, story.request.requester)
        if message is None:
            raise LookupError(f"{grant.id} has no message for its credential")
        return story, message

    def _remove(self, story: Story, grant: Grant) -> Receipt:
        try:
            return self._cluster(story).remove(grant.username)
        except Outage as error:
            return Receipt(user_gone=False, role_gone=False, keys_left=None, errors=(str(error),))

    def _cluster(self, story: Story) -> Cluster:
        return self.clusters[story.request.integration]

    def _later(self, grant: Grant, story: Story, error: Outage) -> None:
        now = self.clock.now()
        attempts = grant.attempts + 1
        pause = pause_after(attempts, LONGEST_PAUSE)
        if error.retry_after is not None:
            pause = max(pause, timedelta(seconds=error.retry_after))
        with self.store.writing() as write:
            write.change(
                grant,
                "grant.provisioning_delayed",
                APPLICATION,
                now,
                detail={"error": str(error)},
                attempts=attempts,
            )
            if attempts == ATTEMPTS_BEFORE_REQUESTER_HEARS:
                write.owe(grant.id, MessageKind.DELAYED, [story.request.requester], now)
            # No later than its end: a grant that was never delivered ends on time as well.
            write.put_off(grant, min(now + pause, grant.expires_at))

    def _fail(self, grant: Grant, story: Story, end: End, error: str) -> None:
        with self.store.writing() as write:
            self._end(write, grant, end, APPLICATION, error)
            write.owe(grant.id, MessageKind.FAILED, story.request.owners, self.clock.now())
        self._revoke(grant)

    def _end(self, write: Transaction, grant: Grant, end: End, actor: str, error: str = "") -> None:
        now = self.clock.now()
        write.move(
            grant, GrantState.REVOKING, actor, now,
            detail={"end": end.value, "error": error} if error else {"end": end.value},
            end_reason=end.value, ended_by=actor, attempts=0, due_at=now,
        )  # fmt: skip
        for request in write.pending_extensions(grant.id):
            write.move(request, RequestState.CANCELLED, APPLICATION, now, decided_at=now)
            tell_outcome(write, request, now)

    def _revoke(self, grant: Grant) -> None:
        with self.store.writing() as write:
            if grant.state in LIVE:
                self._end(write, grant, End.EXPIRED, APPLICATION)
            story = write.story(grant.id)
        receipt = self._remove(story, grant)
        with self.store.writing() as write:
            # What was never delivered was never made: the name had been somebody else's all along.
            if receipt.complete or (receipt.foreign and grant.delivered_at is None):
                self._gone(write, grant, story, receipt)
            else:
                self._not_gone(write, grant, story, receipt)

    def _gone(self, write: Transaction, grant: Grant, story: Story, receipt: Receipt) -> None:
        now = self.clock.now()
        if grant.state is GrantState.REVOCATION_FAILED:
            write.move(grant, GrantState.REVOKING, APPLICATION, now)
        done: dict[str, None] = {"due_at": None, "claimed_by": None, "claimed_until": None}
        if grant.state is GrantState.CLEANED_UP:
            write.change(grant, "grant.removed_again", APPLICATION, now, detail=_detail(receipt), **done)
        else:
            write.move(grant, GrantState.REVOKED, APPLICATION, now, detail=_detail(receipt), ended_at=now)
            # Deleting is immediate, so nothing is left to clean up later.
            write.move(grant, GrantState.CLEANED_UP, APPLICATION, now, **done)
        write.refresh(grant.id, [MessageKind.APPROVAL, MessageKind.CREDENTIAL, MessageKind.FAILED], now)
        write.owe(grant.id, MessageKind.ENDED, [story.request.requester, *story.approvers], now)

    def _not_gone(self, write: Transaction, grant: Grant, story: Story, receipt: Receipt) -> None:
        now = self.clock.now()
        attempts = grant.attempts + 1
        if attempts == ATTEMPTS_BEFORE_OWNERS_HEAR and grant.state is GrantState.REVOKING:
            write.move(
                grant,
                GrantState.REVOCATION_FAILED,
                APPLICATION,
                now,
                detail=_detail(receipt),
                attempts=attempts,
            )
            # Those who were told that it could not be given must hear that it could not be taken away either.
            write.refresh(grant.id, [MessageKind.APPROVAL, MessageKind.FAILED], now)
            write.owe(grant.id, MessageKind.FAILED, story.request.owners, now)
        else:
            write.change(
                grant,
                "grant.revocation_delayed",
                APPLICATION,
                now,
                detail=_detail(receipt),
                attempts=attempts,
            )
        longest = LONGEST_PAUSE_FAILED if grant.state is GrantState.REVOCATION_FAILED else LONGEST_PAUSE
        write.put_off(grant, now + pause_after(attempts, longest))

    def _settle(self, grant: Grant) -> None:
        now = self.clock.now()
        with self.store.writing() as write:
            current = write.grant(grant.id)
            if current is not None and current.state is GrantState.CLEANED_UP:
                # Another process ended it after this one was stopped for longer than its claim held: what this one
                # has made since would never end.
                write.change(current, "grant.made_too_late", APPLICATION, now, due_at=now)
            write.put_off(grant, now)


def _spec(story: Story, grant: Grant) -> CredentialSpec:
    return CredentialSpec(
        grant_id=grant.id,
        username=grant.username,
        requester=story.request.requester,
        patterns=tuple(story.request.patterns if story.request.resolved is None else story.request.resolved),
        privileges=Privileges(**{name: tuple(held) for name, held in story.request.privileges.items()}),
        expires_at=grant.expires_at,
    )


def _detail(receipt: Receipt) -> dict[str, object]:
    return {
        "user_gone": receipt.user_gone,
        "role_gone": receipt.role_gone,
        "keys_left": receipt.keys_left,
        "errors": list(receipt.errors),
    }


def _no_grant(request: AccessRequest) -> str:
    if request.state is RequestState.PENDING:
        return f"{request.id} is not decided yet. To take it back: /es-access cancel {request.id}"
    if request.extends is not None:
        return f"{request.id} only extends {request.extends}. Revoke that one."
    return describe_end(request)
