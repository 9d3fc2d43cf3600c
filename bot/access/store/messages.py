"""What a transaction does with messages."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import case, insert, or_, update
from sqlmodel import col, func, select

from bot.access.models.columns import FREE
from bot.access.models.messages import Message, MessageKind
from bot.access.ports import MessagePosition
from bot.access.store.session import SessionBase


class MessageQueries(SessionBase):
    """The outbox."""

    def enqueue(
        self,
        request_id: str,
        kind: MessageKind,
        recipients: Sequence[str],
        at: datetime | None,
        about: str | None = None,
    ) -> None:
        """A message to each recipient that has none of this kind about this request yet."""
        for recipient in dict.fromkeys(recipients):
            if self.message(request_id, kind, recipient, about) is None:
                owed = Message(
                    request_id=request_id, kind=kind, recipient=recipient, about=about, due_at=at, owed_since=at
                )
                self._session.add(owed)
                self.made_work = self.made_work or at is not None
        self._session.flush()

    def enqueue_all(self, recipients: Mapping[str, Sequence[str]], kind: MessageKind, at: datetime | None) -> None:
        """A message to each recipient that has none of this kind about that request yet."""
        if not recipients:
            return
        known = select(Message.request_id, Message.recipient)
        known = known.where(col(Message.request_id).in_(recipients), Message.kind == kind)
        there = set(self._session.exec(known).all())
        wanted = [(name, person) for name, people in recipients.items() for person in dict.fromkeys(people)]
        same = {"kind": kind, "due_at": at, "owed_since": at}
        owed = [
            {"request_id": name, "recipient": person, **same} for name, person in wanted if (name, person) not in there
        ]
        if owed:
            # Not as objects: of a thousand ends at once, making these took a fifth of the time (measured).
            self._session.connection().execute(insert(Message), owed)
        self.made_work = self.made_work or (bool(owed) and at is not None)

    def notify(self, recipients: Sequence[str], text: str, at: datetime) -> None:
        """A message about no request, of this plain text, to each of them."""
        for recipient in dict.fromkeys(recipients):
            self._session.add(Message(kind=MessageKind.NOTICE, recipient=recipient, notice=text, due_at=at))
            self.made_work = True
        self._session.flush()

    def refresh(self, request_id: str | Sequence[str], kinds: Sequence[MessageKind], at: datetime) -> None:
        """What was sent of these kinds about these requests, or is being sent, must be shown anew."""
        names = [request_id] if isinstance(request_id, str) else request_id
        if not names or not kinds:
            return
        changed = self._execute(
            update(Message)
            .where(
                col(Message.request_id).in_(names),
                col(Message.kind).in_(kinds),
                or_(col(Message.ts).is_not(None), col(Message.due_at).is_not(None)),
            )
            .values(wanted=Message.wanted + 1, due_at=at, owed_since=func.coalesce(Message.owed_since, at), attempts=0)
        )
        self.made_work = self.made_work or changed > 0

    def record_position(self, message: Message, posted: MessagePosition) -> None:
        """Remembers where a message stands."""
        self._execute(update(Message).where(col(Message.id) == message.id).values(channel=posted.channel, ts=posted.ts))
        message.channel, message.ts = posted.channel, posted.ts

    def sent(self, message: Message, posted: MessagePosition) -> None:
        """The message shows what was wanted when it was claimed; a later want stays owed. Ends the claim."""
        self.record_position(message, posted)
        still_owed = case((col(Message.wanted) == message.wanted, None), else_=col(Message.due_at))
        self._execute(
            update(Message)
            .where(col(Message.id) == message.id)
            .values(sent=message.wanted, due_at=still_owed, attempts=0, owed_since=_since(message), **FREE)
        )

    def give_up(self, message: Message) -> None:
        """What was wanted when it was claimed is owed no more; a later want stays owed. Ends the claim."""
        still_owed = case((col(Message.wanted) == message.wanted, None), else_=col(Message.due_at))
        owed = {"due_at": still_owed, "owed_since": _since(message)}
        self._execute(update(Message).where(col(Message.id) == message.id).values(**owed, **FREE))


def _since(message: Message) -> Any:
    """Nothing is owed any more, unless something newer is wanted than was in hand."""
    return case((col(Message.wanted) == message.wanted, None), else_=col(Message.owed_since))
