"""What Slack calls about counter-offers and requests that are taken back: acknowledge, call the domain, answer."""

from collections.abc import Callable
from dataclasses import dataclass

from slack_bolt import Ack, App, Respond
from slack_sdk import WebClient

from bot.access.durations import parse_duration
from bot.access.policy.patterns import parse_patterns
from bot.access.requests.counter_offers import CounterOffers, OfferTerms
from bot.access.requests.service import Requests
from bot.slack import ids
from bot.slack.blocks import answers
from bot.slack.blocks.content import MessageContent
from bot.slack.blocks.counter_offers import offer_form
from bot.slack.listeners.payload import accepted, chosen_option, chosen_options, discard, id_of, value_of
from bot.slack.modals import open_window, subject_of
from bot.slack.responder import Answer, Body, Responder, after_window, reply


@dataclass(frozen=True)
class CounterOfferListeners:
    """One method for each thing that people do."""

    requests: Requests
    offers: CounterOffers
    responder: Responder

    def register(self, app: App) -> None:
        """Hands every listener to Bolt."""
        app.action(ids.OFFER)(self.open_offer)
        app.view(ids.OFFER_VIEW)(self.offer)
        app.action(ids.ACCEPT_OFFER)(self.accept)
        app.action(ids.DECLINE_OFFER)(self.decline)
        app.action(ids.CANCEL)(self.cancel)

    def open_offer(self, ack: Ack, body: Body, respond: Respond, client: WebClient) -> None:
        """An owner clicks Offer less: asks what, if there is still something to decide."""
        ack()

        def answer() -> None:
            options = self.offers.options(id_of(body), body["user"]["id"])
            open_window(client, body, offer_form(options), "Click Offer less again.")

        self._later(reply(body, respond, client), answer)

    def offer(self, ack: Ack, body: Body, client: WebClient) -> None:
        """What is offered is sent."""
        typed = value_of(body, ids.PATTERNS).strip()
        terms = OfferTerms(
            patterns=typed or ",".join(chosen_options(body, ids.NAMES)),
            permission=chosen_option(body, ids.PERMISSION) or "",
            duration=value_of(body, ids.DURATION).strip(),
        )
        checks: dict[str, Callable[[], object]] = {ids.DURATION: lambda: parse_duration(terms.duration)}
        if typed:
            checks[ids.PATTERNS] = lambda: parse_patterns(typed)
        if not accepted(ack, checks):
            return
        request_id, person = subject_of(body), body["user"]["id"]
        self._later(
            after_window(client, body),
            lambda: answers.offer_made(self.offers.make(request_id, person, terms)),
        )

    def accept(self, ack: Ack, body: Body, respond: Respond, client: WebClient) -> None:
        """A requester accepts an offer. Its message says so by itself."""
        ack()
        self._later(
            reply(body, respond, client), lambda: discard(self.offers.accept(_number(body), body["user"]["id"]))
        )

    def decline(self, ack: Ack, body: Body, respond: Respond, client: WebClient) -> None:
        """A requester declines an offer."""
        ack()
        self._later(
            reply(body, respond, client), lambda: discard(self.offers.decline(_number(body), body["user"]["id"]))
        )

    def cancel(self, ack: Ack, body: Body, respond: Respond, client: WebClient) -> None:
        """A requester, or who asked for them, takes a request back."""
        ack()
        self._later(
            reply(body, respond, client),
            lambda: answers.cancelled(self.requests.cancel(id_of(body), body["user"]["id"])),
        )

    def _later(self, show: Answer, work: Callable[[], MessageContent | None]) -> None:
        self.responder.later(show, work)


def _number(body: Body) -> int:
    """The id of an offer that a button carries; one that there is not for a button that carries none."""
    value = str(body["actions"][0].get("value") or "")
    return int(value) if value.isascii() and value.isdecimal() and len(value) < len("9999999999") else 0
