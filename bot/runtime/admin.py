"""What an administrator does on the command line beside the running application: `bot revoke` and `bot reconcile`.

A command writes rows like everybody else. What is due is then taken by whoever is first, the workers of a running
application or the command itself; a claim decides, so that it does not matter whether one runs.
"""

import getpass
import socket
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from bot.access.claims import COMMAND_CLAIM
from bot.access.grants.reconciliation import Reconciliation, ReconciliationResult
from bot.access.grants.revocation import Revocation
from bot.access.ids import APPLICATION, read_id
from bot.access.lifecycle.grants import start_ending
from bot.access.models.grants import Grant
from bot.access.ports import Clock
from bot.access.states import ENDING, LIVE, EndReason, GrantState
from bot.access.store.store import Store
from bot.access.wording import counted
from bot.cli.explain import CannotAnswerError

PATIENCE_SECONDS = 60.0
"""Without any grant confirmed: two calls that time out, with pauses between them."""

_TOGETHER = 100
_PAGE = 500
_LOOK_SECONDS = 0.1

_FOUND = {
    "adopted": "unknown here and still running: taken over, ends on time",
    "ended": "unknown here and over: ended",
    "found_again": "ended before and there again: ended again",
    "removed_by_hand": "removed from the cluster by hand: closed",
    "over_by_clock": "over by the cluster's clock: ended",
}


@dataclass(frozen=True)
class AdminCommands:
    """Does one command. Lines are for the terminal; the last value of each is whether all was confirmed."""

    store: Store
    revocation: Revocation
    reconciling: Reconciliation
    clock: Clock

    def live(self) -> list[Grant]:
        """Every grant that is live now."""
        found: list[Grant] = []
        while True:
            with self.store.reading() as read:
                page = read.live_grants(found[-1].id if found else "", _PAGE)
            found += page
            if len(page) < _PAGE:
                return found

    def grant(self, text: str) -> Grant:
        """The grant of that id, if there is anything to end. Raises `CannotAnswerError`."""
        name = read_id(text)
        if name is None:
            raise CannotAnswerError(f"“{text}” is no id. Ids look like REQ-7K3F9Q; /es-access list shows them.")
        with self.store.reading() as read:
            grant = read.grant(name)
        if grant is None:
            raise CannotAnswerError(f"There is no grant {name}. Nothing was changed.")
        if grant.state not in LIVE | ENDING:
            raise CannotAnswerError(f"{name} has already ended ({grant.end_reason}). {_proof(grant)}")
        return grant

    def revoke(self, grants: Sequence[Grant], say: Callable[[str], None]) -> bool:
        """Ends these, waits for the receipts, and says them. Whether each was confirmed."""
        names = [grant.id for grant in grants]
        for start in range(0, len(names), _PAGE):
            self._begin(names[start : start + _PAGE])
        return self._confirm(names, say)

    def reconcile(self, say: Callable[[str], None]) -> bool:
        """One round over each cluster, and the end of what it marked. Whether all could be done."""
        well = True
        for integration in self.reconciling.current.policy.integrations:
            outcome = self.reconciling.reconcile(integration)
            if outcome is None:
                say(f"{integration.name}: another process is reconciling it at this moment. Try again in a minute.")
                well = False
                continue
            for line in _told(outcome):
                say(line)
            well = self._confirm(outcome.ending, say) and well and not outcome.error
        return well

    def _begin(self, names: Sequence[str]) -> None:
        who = f"{getpass.getuser()}@{socket.gethostname()}"[:64]
        left = list(names)
        while left:
            now = self.clock.now()
            with self.store.writing() as write:
                live = [each for name in left if (each := write.grant(name)) is not None and each.state in LIVE]
                taken = start_ending(write, live, EndReason.REVOKED, APPLICATION, now)
                for grant in taken:
                    write.audit("command.revoke", who, now, grant.id)
            # The others were changed by a worker while this was written, and may still be alive.
            left = [grant.id for grant in live if grant not in taken]

    def _confirm(self, names: Sequence[str], say: Callable[[str], None]) -> bool:
        """Works off what is due of these, as far as nobody else does, until each is settled or nothing moves."""
        left, well = list(names), True
        moved = time.monotonic()
        while left and time.monotonic() - moved < PATIENCE_SECONDS:
            worked = self._work(left[:_TOGETHER])
            settled = {grant.id: grant for grant in self._read(left) if self._is_settled(grant)}
            for grant in settled.values():
                well = well and grant.state is not GrantState.REVOCATION_FAILED
                say(f"{grant.id}: {_proof(grant)}")
            left = [name for name in left if name not in settled]
            if settled:
                moved = time.monotonic()
            elif not worked:
                time.sleep(_LOOK_SECONDS)
        for grant in self._read(left):
            say(f"{grant.id}: {_proof(grant)}")
        return well and not left

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


def _told(outcome: ReconciliationResult) -> Iterator[str]:
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
    receipt = grant.receipt or {}
    user = "gone" if receipt.get("user_gone") else "disabled" if receipt.get("user_disabled") else "not confirmed gone"
    role = "gone" if receipt.get("role_gone") else "not confirmed gone"
    left = receipt.get("keys_left")
    keys = "not known" if left is None else f"{left} left, {receipt.get('keys_ended', 0)} ended now"
    said = f"user {user}, role {role}, API keys: {keys}"
    if grant.state in LIVE | ENDING:
        errors = "; ".join(receipt.get("errors", ())) or "nothing was read back yet"
        return f"NOT CONFIRMED ({said}): {errors}. A running application keeps trying."
    return f"ended: {said}"
