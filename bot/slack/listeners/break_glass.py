"""The Reviewed button of break-glass access."""

from dataclasses import dataclass

from slack_bolt import Ack, App, Respond
from slack_sdk import WebClient

from bot.access.requests.break_glass import BreakGlass
from bot.slack import ids
from bot.slack.listeners.payload import discard, request_id_of, user_of
from bot.slack.responder import Body, Responder, reply_to_click


@dataclass(frozen=True)
class BreakGlassListeners:
    """Handles owners' reviews of break-glass access."""

    break_glass: BreakGlass
    responder: Responder

    def register(self, app: App) -> None:
        """Registers every listener with Bolt."""
        app.action(ids.REVIEWED)(self.review)

    def review(self, ack: Ack, body: Body, respond: Respond, client: WebClient) -> None:
        """An owner clicks Reviewed. Every copy of the message is edited to say so."""
        ack()
        self.responder.run_later(
            reply_to_click(body, respond, client),
            lambda: discard(self.break_glass.review(request_id_of(body), user_of(body))),
        )
