"""Listeners for counter-offers and for cancelling a request: acknowledge, call the domain, reply."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

from slack_bolt import Ack, App, Respond
from slack_sdk import WebClient

from bot.access.durations import parse_duration
from bot.access.errors import AccessError, DatabaseAway, RequestField
from bot.access.policy.limits.fields import parse_fields
from bot.access.requests.counter_offers import CounterOffers, OfferTerms
from bot.access.requests.drafts import read_patterns
from bot.access.requests.service import Requests
from bot.access.store.inbox import current_work
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

CHECK_SECONDS = 1.0
"""How long the terms may be compared with the request before the acknowledgement, which Slack expects within three."""

_FIELDS = {
    RequestField.PATTERNS: ids.PATTERNS,
    RequestField.PERMISSION: ids.PERMISSION,
    RequestField.FIELDS: ids.HIDDEN_FIELDS,
}
"""The part of an offer → its field; every other part is shown at the duration."""


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
            hidden=typed_value(body, ids.HIDDEN_FIELDS).strip(),
            recent=bool(chosen_options(body, ids.RECENT)),
        )
        request_id, person = subject_of(body), user_of(body)
        checks: dict[str, Callable[[], object]] = {ids.DURATION: lambda: parse_duration(terms.duration)}
        if typed:
            checks[ids.PATTERNS] = lambda: read_patterns(typed)
        if terms.hidden:
            checks[ids.HIDDEN_FIELDS] = lambda: parse_fields(terms.hidden)
        if not acknowledge_form(ack, body, self.responder, {**checks, **self._unfit(request_id, person, terms)}):
            return
        self._later(
            reply_after_modal(client, body),
            lambda: answers.offer_made(self.offers.make(request_id, person, terms)),
        )

    def _unfit(self, request_id: str, person: str, terms: OfferTerms) -> dict[str, Callable[[], object]]:
        """A check of the field that makes the offer more than the request; none if the database is slow or away."""
        if current_work() is not None:
            return {}  # the window is closed: its errors come in a message
        found = self.responder.ack_queue.submit_urgent(lambda: self.offers.check(request_id, person, terms))
        with suppress(TimeoutError, DatabaseAway):
            error = found.exception(CHECK_SECONDS)
            if isinstance(error, AccessError) and error.about is not None:
                return {_FIELDS.get(error.about, ids.DURATION): found.result}
        return {}

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
