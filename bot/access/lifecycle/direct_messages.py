"""Whether the application may write to people at all: its Messages tab in Slack may be off."""

from dataclasses import dataclass
from datetime import datetime

from bot.access.errors import MessagesOff, NotAllowed, Outage, Refusal
from bot.access.models.messages import Message, MessageKind
from bot.access.ports import Clock, Notifier
from bot.access.store.store import Store
from bot.access.store.transaction import Transaction

_NAME, _OFF, _ON = "direct messages", "off", "on"
"""The name of the setting, and its values."""

TURN_ON = "Ask an administrator to turn on the Messages Tab of the Slack app, under App Home > Show Tabs."


@dataclass(frozen=True)
class DirectMessages:
    """Knows from the last refused message whether Slack takes direct messages."""

    store: Store
    notifier: Notifier
    clock: Clock

    def check(self, person: str) -> None:
        """Raises `NotAllowed` while nobody can be asked or get a credential.

        After a refused message it tries one to that person, which they get once it works again. Slack says it in no
        other way. While Slack does not answer, everything waits for it as usual.
        """
        with self.store.reading() as read:
            known = read.setting(_NAME)
        if known is None or known.value != _OFF:
            return
        notice = Message(kind=MessageKind.NOTICE, recipient=person, notice="I can send you direct messages again.")
        try:
            self.notifier.send(notice, None)
        except MessagesOff:
            why = "Slack takes no direct messages from me, so neither the owners nor you would hear of the request."
            raise NotAllowed(f"{why} Nothing was filed. {TURN_ON}") from None
        except (Outage, Refusal):
            return
        with self.store.writing() as write:
            write.set_setting(_NAME, _ON, self.clock.now())


def record_messages_off(write: Transaction, now: datetime) -> None:
    """Stores that Slack has refused a message to a person because the Messages tab is off."""
    write.set_setting(_NAME, _OFF, now)
