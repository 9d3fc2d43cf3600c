"""Listeners for counter-offers and for cancelling a request: acknowledge, call the domain, reply."""

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
from bot.slack.listeners.payload import (
    acknowledge_form,
    chosen_option,
    chosen_options,
    discard,
    number_of,
    request_id_of,
    typed_value,
    user_of,
)
from bot.slack.modals import open_modal, subject_of
from bot.slack.responder import Body, Reply, Responder, reply_after_modal, reply_to_click


@dataclass(frozen=True)
class CounterOfferListeners:
    """One method for each action."""

    requests: Requests
    offers: CounterOffers
    responder: Responder

    def register(self, app: App) -> None:
        """Registers every listener with Bolt."""
        app.action(ids.OFFER)(self.open_offer)
        app.view(ids.OFFER_VIEW)(self.offer)
        app.action(ids.ACCEPT_OFFER)(self.accept)
        app.action(ids.DECLINE_OFFER)(self.decline)
        app.action(ids.CANCEL)(self.cancel)

    def open_offer(self, ack: Ack, body: Body, respond: Respond, client: WebClient) -> None:
        """An owner clicks Offer less: opens the form for the terms if the request is still open."""
        ack()

        def answer() -> None:
            choices = self.offers.options(request_id_of(body), user_of(body))
            open_modal(client, body, offer_form(choices), "Click Offer less again.")

        self._later(reply_to_click(body, respond, client), answer)

    def offer(self, ack: Ack, body: Body, client: WebClient) -> None:
        """An owner submits the terms: makes the offer."""
        typed = typed_value(body, ids.PATTERNS).strip()
        terms = OfferTerms(
            patterns=typed or ",".join(chosen_options(body, ids.NAMES)),
            permission=chosen_option(body, ids.PERMISSION) or "",
            duration=typed_value(body, ids.DURATION).strip(),
        )
        checks: dict[str, Callable[[], object]] = {ids.DURATION: lambda: parse_duration(terms.duration)}
        if typed:
            checks[ids.PATTERNS] = lambda: parse_patterns(typed)
        if not acknowledge_form(ack, body, self.responder, checks):
            return
        request_id, person = subject_of(body), user_of(body)
        self._later(
            reply_after_modal(client, body),
            lambda: answers.offer_made(self.offers.make(request_id, person, terms)),
        )

    def accept(self, ack: Ack, body: Body, respond: Respond, client: WebClient) -> None:
        """A requester accepts an offer. Its message is edited to say so."""
        ack()
        self._later(
            reply_to_click(body, respond, client),
            lambda: discard(self.offers.accept(number_of(body), user_of(body))),
        )

    def decline(self, ack: Ack, body: Body, respond: Respond, client: WebClient) -> None:
        """A requester declines an offer."""
        ack()
        self._later(
            reply_to_click(body, respond, client),
            lambda: discard(self.offers.decline(number_of(body), user_of(body))),
        )

    def cancel(self, ack: Ack, body: Body, respond: Respond, client: WebClient) -> None:
        """The requester, or the person who asked for them, cancels a request."""
        ack()
        self._later(
            reply_to_click(body, respond, client),
            lambda: answers.cancelled(self.requests.cancel(request_id_of(body), user_of(body))),
        )

    def _later(self, show: Reply, work: Callable[[], MessageContent | None]) -> None:
        self.responder.run_later(show, work)
