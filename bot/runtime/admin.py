"""The administrator's commands for grants: `bot revoke`, `bot reconcile` and `bot write-off`.

They work with or without a running application. A command writes rows as a click does. Due rows are then processed by
the first to claim them: a worker of a running application, or the command itself.
"""

import getpass
import os
import socket
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from bot.access.claims import COMMAND_CLAIM
from bot.access.grants.reconciliation import Reconciliation, ReconciliationResult
from bot.access.grants.revocation import Revocation
from bot.access.grants.write_off import WriteOff
from bot.access.ids import APPLICATION, read_id
from bot.access.lifecycle.calls_by_hand import calls_by_hand
from bot.access.lifecycle.grants import start_ending
from bot.access.models.grants import Grant
from bot.access.ports import Clock
from bot.access.states import ENDING, LIVE, EndReason, GrantState
from bot.access.store.store import Store
from bot.access.wording import counted

PATIENCE_SECONDS = 60.0
"""Seconds to wait without a newly confirmed grant: long enough for two calls that time out, and the pauses between."""

_TOGETHER = 100
_PAGE = 500
_POLL_SECONDS = 0.1

_FOUND = {
    "adopted": "unknown here and still running: taken over, ends on time",
    "ended": "unknown here and over: ended",
    "found_again": "ended before and there again: ended again",
    "removed_by_hand": "removed from the cluster by hand: closed",
    "over_by_clock": "over by the cluster's clock: ended",
}


class CannotAnswerError(Exception):
    """A command cannot be carried out; the text says why."""


@dataclass(frozen=True)
class AdminCommands:
    """Carries out one command. `say` prints a line on the terminal; methods return whether everything was confirmed."""

    store: Store
    revocation: Revocation
    reconciliation: Reconciliation
    write_offs: WriteOff
    clock: Clock

    def live(self) -> list[Grant]:
        """All live grants."""
        found: list[Grant] = []
        while True:
            with self.store.reading() as read:
                page = read.live_grants(found[-1].id if found else "", _PAGE)
            found += page
            if len(page) < _PAGE:
                return found

    def grant(self, text: str) -> Grant:
        """The grant with that id. Raises `CannotAnswerError` when there is none, or it has already ended."""
        name = read_id(text)
        if name is None:
            raise CannotAnswerError(f"“{text}” is no id. Ids look like REQ-7K3F9Q; /es-access list shows them.")
        with self.store.reading() as read:
            grant = read.grant(name)
        if grant is None:
            raise CannotAnswerError(f"There is no grant {name}. Nothing was changed.")
        if grant.state not in LIVE | ENDING:
            over = "was written off" if grant.state is GrantState.WRITTEN_OFF else "has already ended"
            raise CannotAnswerError(f"{name} {over} ({grant.end_reason}). {_proof(grant)}")
        return grant

    def revoke(self, grants: Sequence[Grant], say: Callable[[str], None]) -> bool:
        """Ends these grants, waits for the receipts and prints them. Returns whether every end was confirmed."""
        names = [grant.id for grant in grants]
        for start in range(0, len(names), _PAGE):
            self._start_ending(names[start : start + _PAGE])
        return self._confirm(names, say)

    def reconcile(self, say: Callable[[str], None]) -> bool:
        """Reconciles each cluster and ends the grants that have to end. Returns whether all of it succeeded."""
        succeeded = True
        for integration in self.reconciliation.current.policy.integrations:
            outcome = self.reconciliation.reconcile(integration)
            if outcome is None:
                say(f"{integration.name}: another process is reconciling it at this moment. Try again in a minute.")
                succeeded = False
                continue
            for line in _outcome_lines(outcome):
                say(line)
            succeeded = self._confirm(outcome.ending, say) and succeeded and not outcome.error
        return succeeded

    def to_write_off(self, integration: str) -> int:
        """How many grants of that cluster are not over. Raises `CannotAnswerError` if it cannot be written off."""
        if self.reconciliation.current.policy.find_integration(integration) is not None:
            raise CannotAnswerError(
                f"{integration} is still in the policy, so that people may request access to it. Take it out first, "
                "and restart the application. Nothing was changed."
            )
        found = self.write_offs.open_grants()
        if integration not in found:
            others = f" Clusters with such grants: {', '.join(sorted(found))}." if found else ""
            raise CannotAnswerError(f"There is nothing to write off: no grant of {integration} is open.{others}")
        return found[integration]

    def write_off(self, integration: str, say: Callable[[str], None]) -> None:
        """Writes off the cluster, and prints the calls that end its access should it come back."""
        left = self.write_offs.write_off(integration, _administrator())
        say(f"{integration} is written off: {counted(len(left), 'grant')}. Never confirmed to be gone:")
        for each in left:
            if each.grant is not None:
                request = each.request
                say(f"  {request.id}: {request.permission} of {request.requester}, {_read_back(each.grant)}")
        say("Should the cluster come back, these calls end it. Keep them:")
        for each in left:
            if each.grant is not None:
                say(calls_by_hand(each.grant, each.request))

    def _start_ending(self, names: Sequence[str]) -> None:
        who = _administrator()
        left = list(names)
        while left:
            now = self.clock.now()
            with self.store.writing() as write:
                live = [each for name in left if (each := write.grant(name)) is not None and each.state in LIVE]
                taken = start_ending(write, live, EndReason.REVOKED, APPLICATION, now)
                for grant in taken:
                    write.audit("command.revoke", who, now, grant.id)
            # A worker changed the others meanwhile, and they may still be live.
            left = [grant.id for grant in live if grant not in taken]

    def _confirm(self, names: Sequence[str], say: Callable[[str], None]) -> bool:
        """Processes the due grants that nobody else has claimed, until all are settled or there is no more progress."""
        left, confirmed = list(names), True
        progress_at = time.monotonic()
        while left and time.monotonic() - progress_at < PATIENCE_SECONDS:
            worked = self._work(left[:_TOGETHER])
            settled = {grant.id: grant for grant in self._read(left) if self._is_settled(grant)}
            for grant in settled.values():
                confirmed = confirmed and grant.state is not GrantState.REVOCATION_FAILED
                say(f"{grant.id}: {_proof(grant)}")
            left = [name for name in left if name not in settled]
            if settled:
                progress_at = time.monotonic()
            elif not worked:
                time.sleep(_POLL_SECONDS)
        for grant in self._read(left):
            say(f"{grant.id}: {_proof(grant)}")
        return confirmed and not left

    def _work(self, names: Sequence[str]) -> bool:
        now = self.clock.now()
        due = [grant.id for grant in self._read(names) if grant.due_at is not None and grant.due_at <= now]
        if not due:
            return False
        with self.store.writing() as write:
            claimed = [each for name in due if (each := write.claim_grant(name, now, now + COMMAND_CLAIM)) is not None]
        if claimed:
            self.revocation.work(claimed)
        return bool(claimed)

    def _is_settled(self, grant: Grant) -> bool:
        if grant.state is GrantState.REVOCATION_FAILED:
            return True
        due = grant.due_at is not None and grant.due_at <= self.clock.now()
        return grant.state not in LIVE | ENDING and not due and grant.claimed_by is None

    def _read(self, names: Iterable[str]) -> list[Grant]:
        with self.store.reading() as read:
            return [grant for name in names if (grant := read.grant(name)) is not None]


def _administrator() -> str:
    """The actor of a command: who typed it, and where."""
    try:
        user = getpass.getuser()
    except (KeyError, OSError):  # a user id without a name, as in a container
        user = f"uid {os.getuid()}"
    return f"{user}@{socket.gethostname()}"[:64]


def _outcome_lines(outcome: ReconciliationResult) -> Iterator[str]:
    yield f"{outcome.integration}: {counted(outcome.found, 'name')} of this installation in the cluster"
    for name, count in outcome.changes.items():
        yield f"  {count} {_FOUND[name]}"
    if not outcome.changes and not outcome.error:
        yield "  all of it is as it should be"
    for name in outcome.adopted:
        yield f"  {name} was taken over"
    if outcome.error:
        yield f"  not finished: {outcome.error}. Run it again; a running application tries again by itself"


def _proof(grant: Grant) -> str:
    said = _read_back(grant)
    if grant.state is GrantState.WRITTEN_OFF:
        return f"NEVER CONFIRMED ({said}): its cluster was written off."
    if grant.state in LIVE | ENDING:
        errors = "; ".join((grant.receipt or {}).get("errors", ())) or "nothing was read back yet"
        return f"NOT CONFIRMED ({said}): {errors}. A running application keeps trying."
    return f"ended: {said}"


def _read_back(grant: Grant) -> str:
    receipt = grant.receipt or {}
    user = "gone" if receipt.get("user_gone") else "disabled" if receipt.get("user_disabled") else "not confirmed gone"
    role = "gone" if receipt.get("role_gone") else "not confirmed gone"
    left = receipt.get("keys_left")
    keys = "not known" if left is None else f"{left} left, {receipt.get('keys_ended', 0)} ended now"
    tokens = receipt.get("tokens_ended", 0)
    sessions = "not confirmed ended" if tokens is None else f"{counted(tokens, 'token')} ended now"
    return f"user {user}, role {role}, API keys: {keys}, sessions: {sessions}"
