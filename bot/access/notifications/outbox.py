"""The outbox: every message is a row until Slack has taken it."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from bot.access.backoff import LONGEST_PAUSE_OF_MESSAGES, pause_after
from bot.access.errors import LostRace, MessagesOff, Outage, Refusal
from bot.access.ids import APPLICATION
from bot.access.lifecycle.direct_messages import TURN_ON, record_messages_off
from bot.access.lifecycle.expiry_warnings import is_current
from bot.access.lifecycle.requests import enqueue_outcome
from bot.access.lifecycle.timeline import is_thread_reply
from bot.access.models.messages import Message, MessageKind
from bot.access.models.ownership import OwnershipState
from bot.access.models.request_details import RequestDetails
from bot.access.models.requests import AccessRequest
from bot.access.ports import Clock, MessagePosition, Notifier
from bot.access.states import GrantState, RequestState
from bot.access.store.store import Store
from bot.access.store.transaction import Transaction

WAIT_FOR_MESSAGE_ABOVE = timedelta(seconds=2)
"""How long a thread reply waits for the message above it."""


@dataclass(frozen=True)
class Outbox:
    """Delivers due messages. The text is rendered from the rows when it is sent, so nothing stale is sent."""

    store: Store
    notifier: Notifier
    clock: Clock

    def work(self, messages: Sequence[Message]) -> None:
        """Delivers claimed messages. An outage postpones a message; a refusal drops it, with an audit event."""
        for message in messages:
            self._work(message)

    def _work(self, message: Message) -> None:
        details, above = self._read(message)
        if not self._is_worth_sending(message, details, above):
            with self.store.writing() as write:
                write.drop(message)
                write.audit(
                    "message.stale", APPLICATION, self.clock.now(), message.request_id,
                    kind=message.kind.value, recipient=message.recipient,
                )  # fmt: skip
            return
        if message.kind is MessageKind.THREAD and above is not None and above.ts is None:
            with self.store.writing() as write:
                write.postpone(message, self.clock.now() + WAIT_FOR_MESSAGE_ABOVE)
            return
        try:
            posted = self.notifier.send(message, details, _position_of(above))
        except Outage as error:
            pause = pause_after(message.attempts + 1, LONGEST_PAUSE_OF_MESSAGES)
            if error.retry_after is not None:
                pause = timedelta(seconds=error.retry_after)
            with self.store.writing() as write:
                write.postpone(message, self.clock.now() + pause)
        except Refusal as error:
            self._refused(message, details, error)
        else:
            with self.store.writing() as write:
                write.mark_sent(message, posted)

    def _read(self, message: Message) -> tuple[RequestDetails | None, Message | None]:
        """The request of the message, and the message whose thread it belongs to. A notice has no request."""
        if message.request_id is None:
            return None, None
        with self.store.reading() as read:
            above = None
            if is_thread_reply(message):
                above = read.message(message.request_id, MessageKind.APPROVAL, message.recipient)
            details = read.request_details(message.request_id)
            if message.kind is MessageKind.OWNERSHIP:
                details = replace(details, ownership_change=read.ownership_change(int(message.about or 0)))
            return details, above

    def _is_worth_sending(self, message: Message, details: RequestDetails | None, above: Message | None) -> bool:
        """Whether the message still has something to say: a first post about something over may not."""
        if message.ts is not None or details is None:
            return True
        if _is_superseded(message, details):
            return False
        if message.kind is MessageKind.WARNING:
            return is_current(message, details)
        # The message above it was refused.
        return message.kind is not MessageKind.THREAD or (above is not None and (above.ts or above.due_at) is not None)

    def _refused(self, message: Message, details: RequestDetails | None, error: Refusal) -> None:
        now = self.clock.now()
        with self.store.writing() as write:
            write.drop(message)
            write.audit(
                "message.refused", APPLICATION, now, message.request_id,
                kind=message.kind.value, recipient=message.recipient, error=str(error),
            )  # fmt: skip
            if isinstance(error, MessagesOff):
                record_messages_off(write, now)
            if details is None or message.kind is not MessageKind.APPROVAL:
                return
            if message.recipient == details.request.channel and details.request.state is RequestState.PENDING:
                # The channel is gone or the app is not in it: the owners are asked one by one.
                write.enqueue(details.request.id, MessageKind.APPROVAL, details.request.owners, now)
            if not write.any_owner_asked(details.request.id):
                _cancel_unasked(write, details.request, error, now)


def _is_superseded(message: Message, details: RequestDetails) -> bool:
    """Whether a message that was never sent is superseded by a newer one about its request.

    After an hour without Slack, nobody is reminded of a decided request, or told of the delay of a credential that is
    there.
    """
    if message.kind is MessageKind.REMINDER:
        return details.request.state is not RequestState.PENDING
    if message.kind is MessageKind.OWNERSHIP:
        return details.ownership_change is None or details.ownership_change.state is not OwnershipState.OPEN
    if message.kind is MessageKind.BREAK_GLASS and message.about is not None:
        return details.request.reviewed_at is not None
    waits = details.grant is not None and (
        details.grant.state is GrantState.PROVISIONING or details.grant.task is not None
    )
    return message.kind is MessageKind.DELAYED and not waits


def _position_of(message: Message | None) -> MessagePosition | None:
    if message is None or message.channel is None or message.ts is None:
        return None
    return MessagePosition(message.channel, message.ts)


def _cancel_unasked(write: Transaction, request: AccessRequest, error: Refusal, now: datetime) -> None:
    """No owner could be notified: the requester hears that now instead of at the expiry."""
    if request.state is not RequestState.PENDING:
        return
    off = isinstance(error, MessagesOff)
    why = f"Slack took no message to any of its owners. {TURN_ON if off else 'Ask an administrator to run bot check.'}"
    with suppress(LostRace):
        write.move(
            request, RequestState.CANCELLED, APPLICATION, now, decided_at=now, decision_reason=why, escalate_at=None
        )
        enqueue_outcome(write, request, now)
