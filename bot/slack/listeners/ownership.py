"""The buttons of a changed owner: Confirm and Keep us."""

from dataclasses import dataclass

from slack_bolt import Ack, App, Respond
from slack_sdk import WebClient

from bot.access.ownership.decisions import OwnerDecisions
from bot.slack import ids
from bot.slack.listeners.payload import discard, number_of, user_of
from bot.slack.responder import Body, Responder, reply_to_click


@dataclass(frozen=True)
class OwnershipListeners:
    """Handles owners' decisions on changed owners. Every copy of the message is edited to show them."""

    decisions: OwnerDecisions
    responder: Responder

    def register(self, app: App) -> None:
        """Registers every listener with Bolt."""
        app.action(ids.CONFIRM_OWNER)(self.confirm)
        app.action(ids.KEEP_OWNER)(self.keep)

    def confirm(self, ack: Ack, body: Body, respond: Respond, client: WebClient) -> None:
        """An owner confirms the new owner."""
        ack()
        self.responder.run_later(
            reply_to_click(body, respond, client),
            lambda: discard(self.decisions.confirm(number_of(body), user_of(body))),
        )

    def keep(self, ack: Ack, body: Body, respond: Respond, client: WebClient) -> None:
        """An owner overrules the new owner."""
        ack()
        self.responder.run_later(
            reply_to_click(body, respond, client),
            lambda: discard(self.decisions.keep(number_of(body), user_of(body))),
        )
