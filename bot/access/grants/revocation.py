"""Revocation: removes due grants from the cluster in batches and reads back the result. Each step can be repeated."""

import threading
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Unpack

from bot.access.backoff import LONGEST_PAUSE, LONGEST_PAUSE_FAILED, pause_after
from bot.access.errors import LostRace, Outage
from bot.access.grants.own_accounts.personal_roles import PersonalRoles
from bot.access.ids import APPLICATION
from bot.access.lifecycle.grants import enqueue_end, release, start_ending
from bot.access.lifecycle.requests import audience_of
from bot.access.models.columns import FREE, CredentialKind
from bot.access.models.grants import Grant
from bot.access.models.messages import MessageKind
from bot.access.models.receipts import Receipt
from bot.access.models.request_details import RequestDetails
from bot.access.policy.current import CurrentPolicy
from bot.access.ports import Clock, Clusters
from bot.access.states import LIVE, OVER, EndReason, GrantState
from bot.access.store.changes import GrantChanges
from bot.access.store.store import Store
from bot.access.store.transaction import Transaction

ATTEMPTS_BEFORE_OWNERS_HEAR = 3
"""About three seconds of failures: longer than a hiccup. A refusal by the cluster is reported at once."""

LOOK_AFTER = timedelta(seconds=5)
"""How long after a confirmed end the cluster is looked at for tasks that go on. Shorter ones are worth no message."""

ROLE_IS_BUSY = timedelta(milliseconds=250)
"""Until an end is tried again whose personal role somebody else writes, which takes some 50 ms."""

Ending = tuple[Grant, RequestDetails, Receipt]


@dataclass(frozen=True)
class Revocation:
    """Removes grants from their clusters."""

    store: Store
    clusters: Clusters
    roles: PersonalRoles
    current: CurrentPolicy
    clock: Clock
    _one_records: threading.Lock = field(default_factory=threading.Lock)
    """Python runs one thread at a time: batches recorded in parallel all finish late, while the cluster is idle. In
    turn, the first starts its next batch while the others are recorded.
    """

    def work(self, grants: Sequence[Grant]) -> None:
        """Ends claimed grants that are due, or continues where an earlier attempt stopped."""
        now = self.clock.now()
        with self.store.writing() as write:
            live = [grant for grant in grants if grant.state in LIVE]
            early = [grant for grant in live if grant.expires_at > now]
            for grant in early:
                write.postpone(grant, grant.expires_at)  # the clock went back, or the claim ended too soon
            over = [grant for grant in live if grant.expires_at <= now]
            taken = {grant.id for grant in start_ending(write, over, EndReason.EXPIRED, APPLICATION, now)}
            lost = [grant for grant in over if grant.id not in taken]
            for grant in lost:
                release(write, grant, now)  # someone ended or extended it while it was claimed
            left = {grant.id for grant in (*early, *lost)}
            ending = [grant for grant in grants if grant.id not in left]
            all_details = write.all_request_details([grant.id for grant in ending])
        both = list(zip(ending, all_details, strict=True))
        own = [each for each in both if each[1].request.kind is CredentialKind.OWN_ACCOUNT]
        others = [each for each in both if each[1].request.kind is not CredentialKind.OWN_ACCOUNT]
        receipts = {**self._remove(others), **self._take_from_accounts(own)}
        with self._one_records, self.store.writing() as write:
            self._record(write, [(*each, receipts[each[0].id]) for each in both if each[0].id in receipts])
            for grant, _ in both:
                if grant.id not in receipts:
                    write.postpone(grant, self.clock.now() + ROLE_IS_BUSY)

    def _take_from_accounts(self, endings: Sequence[tuple[Grant, RequestDetails]]) -> Mapping[str, Receipt]:
        """Receipts by grant id. Those whose role is being written by somebody else are left out."""
        by_integration: dict[str, list[tuple[Grant, RequestDetails]]] = defaultdict(list)
        for each in endings:
            by_integration[each[1].request.integration].append(each)
        receipts: dict[str, Receipt] = {}
        for integration, some in by_integration.items():
            receipts.update(self.roles.end(integration, some))
        return receipts

    def _remove(self, endings: Sequence[tuple[Grant, RequestDetails]]) -> Mapping[str, Receipt]:
        together: dict[tuple[str, bool], list[str]] = defaultdict(list)
        for grant, details in endings:
            in_use, *others = grant.usernames
            together[details.request.integration, self._keeps_user(grant, details)].append(in_use)
            if others:
                together[details.request.integration, False] += others
        receipts: dict[str, Receipt] = {}
        for (integration, disable), names in together.items():
            try:
                answers = self.clusters[integration].remove(names, disable=disable)
            except Outage as error:
                unknown = Receipt(user_gone=False, role_gone=False, keys_left=None, errors=(str(error),))
                answers = [unknown] * len(names)
            receipts.update(zip(names, answers, strict=True))
        return {grant.id: _joined([receipts[name] for name in grant.usernames]) for grant, _ in endings}

    def _keeps_user(self, grant: Grant, details: RequestDetails) -> bool:
        """Whether the user is kept for some days, disabled. A key has no user."""
        if grant.state in OVER or details.request.kind is not CredentialKind.PASSWORD:
            return False
        return self._cleanup_after(details) is not None

    def _cleanup_after(self, details: RequestDetails) -> timedelta | None:
        integration = self.current.policy.find_integration(details.request.integration)
        days = integration.user_cleanup_days if integration is not None else None
        return None if days is None else timedelta(days=days)

    def _record(self, write: Transaction, endings: Sequence[Ending]) -> None:
        now = self.clock.now()
        states: dict[GrantState, list[Ending]] = defaultdict(list)
        for ending in endings:
            if _is_gone(*ending):
                states[ending[0].state].append(ending)
            else:
                _record_failure(write, *ending, now)
        reopened = _move_all(write, states[GrantState.REVOCATION_FAILED], GrantState.REVOKING, now)
        self._record_gone(write, states[GrantState.REVOKING] + reopened, now)
        _move_all(write, states[GrantState.REVOKED], GrantState.CLEANED_UP, now, **DONE)
        for grant, _, receipt in states[GrantState.CLEANED_UP] + states[GrantState.WRITTEN_OFF]:
            try:
                write.change(grant, "grant.removed_again", APPLICATION, now, detail=receipt.stored(), **DONE)
            except LostRace:
                # Another process has removed it again in the meantime; the other grants must not wait.
                write.postpone(grant, now)

    def _record_gone(self, write: Transaction, endings: Sequence[Ending], now: datetime) -> None:
        """Records confirmed ends, notifies requesters and approvers, and schedules the deletion of kept users."""
        due: dict[str, GrantChanges] = {
            grant.id: {
                "due_at": self._deletion_due(details, receipt, now),
                "ended_at": receipt.gone_at or now,
                "look_at": None if grant.delivered_at is None else now + LOOK_AFTER,
            }
            for grant, details, receipt in endings
        }
        kept = [each for each in endings if due[each[0].id]["due_at"] is not None]
        gone = _move_all(write, kept, GrantState.REVOKED, now, due, **FREE)
        # Nothing is kept of the others: both transitions are one write.
        done = [each for each in endings if due[each[0].id]["due_at"] is None]
        gone += _move_all(write, done, GrantState.REVOKED, now, due, then=GrantState.CLEANED_UP, **FREE)
        people = {grant.id: [*audience_of(details.request), *details.approvers] for grant, details, _ in gone}
        shown = [grant for grant, details, _ in gone if _is_shown_to_the_revoker(grant, details)]
        enqueue_end(write, people, now, {grant.id: grant.ended_by or "" for grant in shown})

    def _deletion_due(self, details: RequestDetails, receipt: Receipt, now: datetime) -> datetime | None:
        if not receipt.user_disabled:
            return None
        return now + (self._cleanup_after(details) or timedelta(0))


DONE: GrantChanges = {"due_at": None, "claimed_by": None, "claimed_until": None}
"""Ends the work on a grant for good."""


def _joined(receipts: Sequence[Receipt]) -> Receipt:
    """The receipt of a grant from those of its names, the one in use first."""
    in_use, *others = receipts
    # The name of another attempt that somebody else has was never this grant's.
    ours = [in_use, *(each for each in others if not each.foreign)]
    if len(ours) == 1:
        return in_use
    others_gone = all(each.user_gone for each in ours[1:])
    keys, tokens = [each.keys_left for each in ours], [each.tokens_ended for each in ours]
    return replace(
        in_use,
        user_gone=in_use.user_gone and others_gone,
        user_disabled=in_use.user_disabled and others_gone,
        role_gone=all(each.role_gone for each in ours),
        keys_left=None if None in keys else sum(left for left in keys if left),
        tokens_ended=None if None in tokens else sum(ended for ended in tokens if ended),
        keys_ended=sum(each.keys_ended for each in ours),
        errors=tuple(dict.fromkeys(error for each in ours for error in each.errors)),
        final=any(each.final for each in ours),
    )


def _is_shown_to_the_revoker(grant: Grant, details: RequestDetails) -> bool:
    """Whether the person who ended the grant has a message that shows its end: with the credential, or for owners.

    If it took long, they may no longer look there.
    """
    request = details.request
    if grant.attempts >= ATTEMPTS_BEFORE_OWNERS_HEAR:
        return False
    has_credential = grant.delivered_at is not None and not request.adopted
    return grant.ended_by in {*([request.requester] if has_credential else []), *request.owners, *details.approvers}


def _is_gone(grant: Grant, _details: RequestDetails, receipt: Receipt) -> bool:
    # A grant that was never delivered was never created: its name belonged to someone else all along.
    return receipt.complete or (receipt.foreign and grant.delivered_at is None)


def _move_all(
    write: Transaction,
    endings: Sequence[Ending],
    to: GrantState,
    now: datetime,
    each: Mapping[str, GrantChanges] | None = None,
    then: GrantState | None = None,
    **values: Unpack[GrantChanges],
) -> list[Ending]:
    """Makes the transition and returns the endings that made it. Claims on the others end: another process changed
    them.
    """
    receipts = {grant.id: receipt.stored() for grant, _, receipt in endings}
    rows: dict[str, GrantChanges] = {}
    for name, receipt in receipts.items():
        rows[name] = {**(each or {}).get(name, GrantChanges()), "receipt": receipt}
    grants = [grant for grant, _, _ in endings]
    moved = write.move_all(grants, to, APPLICATION, now, receipts, rows, then, **values)
    taken = {grant.id for grant in moved}  # by id: rows compare field by field
    for grant, _, _ in endings:
        if grant.id not in taken:
            release(write, grant, now)
    return [ending for ending in endings if ending[0].id in taken]


def _record_failure(write: Transaction, grant: Grant, details: RequestDetails, receipt: Receipt, now: datetime) -> None:
    attempts = grant.attempts + 1
    detail = receipt.stored()
    told = receipt.final or attempts >= ATTEMPTS_BEFORE_OWNERS_HEAR
    try:
        if told and grant.state is GrantState.REVOKING:
            write.move(
                grant, GrantState.REVOCATION_FAILED, APPLICATION, now,
                detail=detail, attempts=attempts, receipt=detail,
            )  # fmt: skip
            # People who heard that access could not be given must also hear that it could not be revoked.
            write.refresh(grant.id, [MessageKind.APPROVAL, MessageKind.FAILED, MessageKind.BREAK_GLASS], now)
            write.enqueue(grant.id, MessageKind.FAILED, details.request.owners, now)
        else:
            event = "grant.revocation_delayed"
            write.change(grant, event, APPLICATION, now, detail=detail, attempts=attempts, receipt=detail)
    except LostRace:
        release(write, grant, now)
        return
    longest = LONGEST_PAUSE_FAILED if grant.state is GrantState.REVOCATION_FAILED else LONGEST_PAUSE
    write.postpone(grant, now + pause_after(attempts, longest))
