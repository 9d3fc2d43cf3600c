"""What every end of a grant has in common: its first step, and the messages at its last."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from bot.access.errors import LostRace
from bot.access.ids import APPLICATION
from bot.access.lifecycle.requests import enqueue_outcome
from bot.access.lifecycle.timeline import add_end_to_timeline
from bot.access.models.grants import Grant
from bot.access.models.messages import MessageKind
from bot.access.states import EndReason, GrantState, RequestState
from bot.access.store.transaction import Transaction


def start_ending(
    write: Transaction, grants: Sequence[Grant], end: EndReason, actor: str, now: datetime, error: str = ""
) -> Sequence[Grant]:
    """Starts the end of live grants and cancels their pending extensions. Workers do the rest.

    Returns the grants that were moved; the others have changed since they were read.
    """
    detail = {"end": end.value, "error": error} if error else {"end": end.value}
    taken = write.move_all(
        grants, GrantState.REVOKING, actor, now, {grant.id: detail for grant in grants},
        end_reason=end.value, ended_by=actor, attempts=0, due_at=now, task=None, warn_at=None,
    )  # fmt: skip
    for request in write.pending_extensions([grant.id for grant in taken]):
        write.move(request, RequestState.CANCELLED, APPLICATION, now, decided_at=now)
        enqueue_outcome(write, request, now)
    return taken


def end_grant(write: Transaction, grant: Grant, end: EndReason, actor: str, now: datetime, error: str = "") -> None:
    """Starts the end of one live grant. Raises `LostRace` if it has changed since it was read."""
    if not start_ending(write, [grant], end, actor, now, error):
        raise LostRace(grant.id)


def enqueue_end(
    write: Transaction, people: Mapping[str, Sequence[str]], now: datetime, know: Mapping[str, str] | None = None
) -> None:
    """Shows the end of each grant in every message about it, and enqueues a message to the given people.

    `know` names who ended a grant and has such a message: nothing else is sent to them.
    """
    knows = know or {}
    hear = {grant_id: [each for each in them if each != knows.get(grant_id)] for grant_id, them in people.items()}
    told = {grant_id: [*them, knows.get(grant_id, "")] for grant_id, them in people.items()}
    write.refresh(list(people), _SHOW_THE_END, now)
    write.enqueue_all(hear, MessageKind.ENDED, now)
    add_end_to_timeline(write, told, now)


_SHOW_THE_END = (
    MessageKind.APPROVAL, MessageKind.CREDENTIAL, MessageKind.FAILED, MessageKind.WARNING, MessageKind.BREAK_GLASS,
)  # fmt: skip


def release(write: Transaction, grant: Grant, now: datetime) -> None:
    """Ends the claim on a grant that was changed while it was claimed: the row has the work that is due now."""
    current = write.grant(grant.id)
    if current is not None and current.state is GrantState.CLEANED_UP:
        # This process was stopped for longer than its claim, and another process ended the grant. Anything this one
        # created since then would never end.
        write.change(current, "grant.made_too_late", APPLICATION, now, due_at=now)
    write.postpone(grant, now)
