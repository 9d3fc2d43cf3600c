"""The owners' decisions on changes: they are told, and one of them confirms the new owner or keeps the old."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import NoReturn

from bot.access.errors import Conflict, LostRace, NotAllowed, NotFound, Outage
from bot.access.models.messages import MessageKind
from bot.access.models.ownership import OwnershipChange, OwnershipState
from bot.access.owners import MOST_ASKED, integration_owners
from bot.access.policy.current import CurrentPolicy
from bot.access.policy.owner_groups import owners_in
from bot.access.ports import Clock, Directory
from bot.access.store.store import Store

_BATCH = 100

_QUIET = timedelta(minutes=10)
"""Between two messages about one access and the same owner before. A person who may write an owner may write it every
minute. Until the owners are told, the new owner does not count alone either."""

_NO_CHANGE = "(none)"
"""The id in the answer to a click on a change that does not exist."""

_RESULTS = {OwnershipState.CONFIRMED: "confirmed", OwnershipState.KEPT: "overruled"}


@dataclass(frozen=True)
class OwnerDecisions:
    """Tells the owners who count about changes, and takes their decisions."""

    store: Store
    directory: Directory
    current: CurrentPolicy
    clock: Clock

    def tell_owners(self) -> None:
        """Enqueues the messages about new changes. Where Slack cannot say who the owners are, it is tried again."""
        with self.store.reading() as read:
            untold = read.untold_changes(self.clock.now() - _QUIET, _BATCH)
        for change in untold:
            with suppress(Outage):
                people = self._deciders(change)[:MOST_ASKED]
                now = self.clock.now()
                with self.store.writing() as write:
                    if write.record_told(change, now):
                        write.enqueue(change.request_id, MessageKind.OWNERSHIP, people, now, about=str(change.id))

    def confirm(self, change_id: int, actor: str) -> OwnershipChange:
        """The new owner counts alone from now on. Raises `AccessError`, `Outage`."""
        return self._decide(change_id, actor, OwnershipState.CONFIRMED, "owner.confirmed")

    def keep(self, change_id: int, actor: str) -> OwnershipChange:
        """The new owner does not count, until the owner is written again. Raises `AccessError`, `Outage`."""
        return self._decide(change_id, actor, OwnershipState.KEPT, "owner.kept")

    def _decide(self, change_id: int, actor: str, to: OwnershipState, event: str) -> OwnershipChange:
        with self.store.reading() as read:
            change = read.ownership_change(change_id)
        if change is None:
            raise NotFound(_NO_CHANGE)
        self._check_decider(change, actor)
        if to is OwnershipState.CONFIRMED:
            self._check_gains_nothing(change, actor)
        if change.state is not OwnershipState.OPEN:
            _raise_conflict(change)
        now = self.clock.now()
        try:
            with self.store.writing() as write:
                write.decide_change(change, to, actor, now)
                write.audit(
                    event, actor, now, change.request_id, integration=change.integration, names=change.names,
                    before=change.before, after=change.after, owners=change.owners, change=change.id,
                )  # fmt: skip
                write.refresh(change.request_id, [MessageKind.OWNERSHIP], now)
        except LostRace:
            with self.store.reading() as read:
                _raise_conflict(read.ownership_change(change_id) or change)
        return change

    def _check_decider(self, change: OwnershipChange, actor: str) -> None:
        """Raises `NotAllowed` for a holder of the access, `NotFound` for anybody else who does not decide."""
        if actor in self._holders(change):
            raise NotAllowed("You held the access under which it was changed, so another owner has to decide.")
        # Members of a large group are taken as Slack lists them, guests included, so the actor is looked up alone.
        if actor not in self._deciders(change) or actor not in self.directory.members((actor,)).users:
            raise NotFound(change.request_id)

    def _check_gains_nothing(self, change: OwnershipChange, actor: str) -> None:
        """Raises `NotAllowed` for a new owner who would confirm themselves, and for more owners than anybody reads.

        An owner from before may confirm that they own it with others, but not that they own it alone. Somebody who
        approved the access for other owners counts, and may be the one who was written.
        """
        if not change.is_confirmable:
            raise NotAllowed("More owners were written at once than can be confirmed together.")
        before = (change.before,) if change.before in change.counting else tuple(change.counting)
        earlier = set(self._people_behind(change, before))
        for after in change.names_by_owner():
            named = set(self._people_behind(change, (after,)))
            if actor in named and (actor not in earlier or (named == {actor} and earlier != {actor})):
                raise NotAllowed("It would make you the only owner, so another owner from before has to confirm it.")

    def _people_behind(self, change: OwnershipChange, owners: Sequence[str | None]) -> Sequence[str]:
        integration = self.current.policy.find_integration(change.integration)
        fallback = integration.owner if integration is not None else ()
        return self.directory.members([name for owner in owners for name in (owners_in(owner) or fallback)]).users

    def _deciders(self, change: OwnershipChange) -> Sequence[str]:
        """The people behind the owners who count, or the integration owners if none of them is left."""
        integration = self.current.policy.find_integration(change.integration)
        holders = self._holders(change)
        people = [each for each in self._people_behind(change, change.counting) if each not in holders]
        return people or [each for each in integration_owners(self.directory, integration) if each not in holders]

    def _holders(self, change: OwnershipChange) -> frozenset[str]:
        """The people who held the access that covered the names, or asked for it."""
        with self.store.reading() as read:
            found = [each.request for each in read.all_request_details(change.grants)]
        return frozenset(person for each in found for person in (each.requester, each.asked_by) if person is not None)


def _raise_conflict(change: OwnershipChange) -> NoReturn:
    if change.state is OwnershipState.REPLACED:
        raise Conflict(
            "The owner has been changed again since, so there is nothing to decide here. Nothing was changed."
        )
    raise Conflict(f"<@{change.decided_by}> has already {_RESULTS[change.state]} this. Nothing was changed.")
