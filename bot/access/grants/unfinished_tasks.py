"""Tasks that go on in a cluster after access has ended, such as a long `_bulk`: owners learn how to cancel them."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog

from bot.access.audit.terms import names_held
from bot.access.claims import UNFINISHED_TASKS_CLAIM
from bot.access.errors import LostRace, Outage, Refusal
from bot.access.ids import APPLICATION
from bot.access.models.columns import Json
from bot.access.models.grants import Grant
from bot.access.models.messages import MessageKind
from bot.access.models.requests import AccessRequest
from bot.access.models.running_tasks import RunningTask
from bot.access.policy.model import Permission
from bot.access.policy.patterns import overlap
from bot.access.policy.privileges import Effect
from bot.access.ports import Clock, Clusters
from bot.access.store.store import Store
from bot.access.store.transaction import Transaction

LOOK_AGAIN = timedelta(seconds=30)
"""Between attempts while the cluster does not answer."""

GIVE_UP = timedelta(minutes=5)
"""After the end. What runs then can hardly be told from what began since."""

MOST_NAMED = 5
"""Tasks that are kept of one grant."""

LONGEST_CLIENT = 60
"""Characters of the name that a client gives itself."""

_DUTY = "tasks"
_MOST = 2_000
"""Grants of one run; the rest are for the next."""

_ACTIONS = {Effect.READS: "indices:data/read/", Effect.WRITES: "indices:data/write/", Effect.MANAGES: "indices:admin/"}
"""How the actions of an effect begin."""

_OPEN_BULK = "_bulk"
"""A `_bulk` whose body is still being sent."""

log = structlog.get_logger(__name__)

Ended = tuple[Grant, AccessRequest]


@dataclass(frozen=True)
class UnfinishedTasks:
    """Looks at each cluster a few seconds after an end. It is no part of the end, which is confirmed by then."""

    store: Store
    clusters: Clusters
    clock: Clock

    def integrations(self) -> Sequence[str]:
        """The integrations whose cluster is due a look."""
        with self.store.reading() as read:
            return read.integrations_to_look_at(self.clock.now())

    def run_once(self, integration: str) -> None:
        """Looks for the tasks of all grants of one integration for which that is due, with one call."""
        with self.store.reading() as read:
            due = read.grants_to_look_for(integration, self.clock.now(), _MOST)
        if due:
            self._look(integration, due)

    def _look(self, integration: str, ended: Sequence[Ended]) -> None:
        now = self.clock.now()
        with self.store.writing() as write:
            if not write.claim_duty(f"{_DUTY} {integration}", now, now + UNFINISHED_TASKS_CLAIM):
                return
        try:
            tasks = self.clusters[integration].running_tasks()
        except (Outage, Refusal) as error:
            self._postpone(integration, ended, error)
            return
        now = self.clock.now()
        found = [(grant, request, _of(grant, request, tasks)) for grant, request in ended]
        with self.store.writing() as write:
            write.look_for([grant for grant, _ in ended], None)
            for grant, request, some in found:
                if some:
                    _record(write, grant, request, some, now)

    def _postpone(self, integration: str, ended: Sequence[Ended], error: Outage | Refusal) -> None:
        now = self.clock.now()
        again: list[Grant] = []
        left: list[Grant] = []
        for grant, _ in ended:
            recent = grant.ended_at is not None and now < grant.ended_at + GIVE_UP
            (again if recent and isinstance(error, Outage) else left).append(grant)
        with self.store.writing() as write:
            write.look_for(left, None)
            write.look_for(again, now + LOOK_AGAIN)
        if left:
            log.warning(
                "not known which tasks go on",
                integration=integration,
                error=str(error),
                grants=[grant.id for grant in left],
            )


def _of(grant: Grant, request: AccessRequest, tasks: Iterable[RunningTask]) -> list[RunningTask]:
    """The tasks that may have begun under the grant, the longest first."""
    begin, end = grant.delivered_at, grant.ended_at
    if begin is None or end is None:
        return []
    effects = Permission.restored(request.permission, request.privileges or {}).effects
    begun = [each for each in tasks if begin <= each.since <= end]
    return sorted((each for each in begun if _fits(each, request, effects)), key=lambda each: each.since)


def _fits(task: RunningTask, request: AccessRequest, effects: frozenset[Effect]) -> bool:
    """Whether the access allowed the task."""
    if task.action == _OPEN_BULK:
        return Effect.WRITES in effects and not request.kind.stops_open_requests
    if not any(task.action.startswith(_ACTIONS[each]) for each in effects):
        return False
    return any(overlap(pattern, name) for pattern in names_held(request) for name in task.names)


def _record(
    write: Transaction, grant: Grant, request: AccessRequest, tasks: Sequence[RunningTask], now: datetime
) -> None:
    unfinished: dict[str, Json] = {
        "count": len(tasks),
        "looked_at": now.isoformat(),
        "tasks": [_stored(each) for each in tasks[:MOST_NAMED]],
    }
    try:
        write.change(grant, "grant.tasks_found", APPLICATION, now, unfinished, unfinished=unfinished)
    except LostRace:
        write.look_for([grant], now)  # its user was deleted meanwhile, or it was found again
        return
    write.refresh(grant.id, [MessageKind.ENDED, MessageKind.CREDENTIAL], now)
    write.enqueue(grant.id, MessageKind.UNFINISHED, request.owners, now)


def _stored(task: RunningTask) -> dict[str, Json]:
    return {
        "id": task.id,
        "action": task.action,
        "names": list(task.names[:MOST_NAMED]),
        "since": task.since.isoformat(),
        "cancellable": task.cancellable,
        "client": task.client[:LONGEST_CLIENT],
    }
