"""The outbox: every message that is owed is a row until Slack took it."""

from dataclasses import dataclass
from datetime import timedelta

from bot.access.approvals import APPLICATION
from bot.access.errors import Outage, Refusal
from bot.access.grants import pause_after
from bot.access.models import Message
from bot.access.ports import Clock, Notifier
from bot.access.storing import Store

LONGEST_PAUSE = timedelta(minutes=5)
"""Between attempts while Slack is down: people hear within minutes of its return."""


@dataclass(frozen=True)
class Outbox:
    """Sends what is owed. The words are made from the rows at the moment of sending, so nothing stale is sent."""

    store: Store
    notifier: Notifier
    clock: Clock

    def work(self, message: Message) -> None:
        """Sends one claimed message. An outage puts it off; a refusal gives it up, with an audit event."""
        with self.store.reading() as read:
            story = read.story(message.request_id)
        try:
            posted = self.notifier.send(message, story)
        except Outage as error:
            pause = pause_after(message.attempts + 1, LONGEST_PAUSE)
            if error.retry_after is not None:
                pause = timedelta(seconds=error.retry_after)
            with self.store.writing() as write:
                write.put_off(message, self.clock.now() + pause)
        except Refusal as error:
            with self.store.writing() as write:
                write.give_up(message)
                write.audit(
                    "message.refused", APPLICATION, self.clock.now(), message.request_id,
                    kind=message.kind.value, recipient=message.recipient, error=str(error),
                )  # fmt: skip
        else:
            with self.store.writing() as write:
                write.sent(message, posted)
