"""The request form: opens it, searches for patterns, previews changes and files the request."""

from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field, replace
from time import monotonic

import structlog
from slack_bolt import Ack, App, Respond
from slack_sdk import WebClient

from bot.access.errors import AccessError, DatabaseAway, InvalidRequest, Outage, Refusal, RequestField
from bot.access.lookup.suggestions import Suggestion, Suggestions
from bot.access.policy.current import CurrentPolicy
from bot.access.policy.model import Integration
from bot.access.policy.patterns import parse_patterns
from bot.access.requests.drafts import Draft, problems
from bot.access.requests.service import Requests
from bot.access.store.inbox import InboxWork, current_work, working_on
from bot.slack import ids
from bot.slack.actor import current_actor
from bot.slack.blocks import answers
from bot.slack.blocks.content import MessageContent, plain
from bot.slack.blocks.form import FormValues, command_of, filled_with, on_one_cluster, request_form, waiting
from bot.slack.blocks.form_preview import preview_form
from bot.slack.blocks.options import MOST_OPTIONS, options_of, pattern_of
from bot.slack.blocks.rich_text import Line
from bot.slack.errors import domain_errors
from bot.slack.listeners.form_state import FormVersions, SentForm, read_form
from bot.slack.listeners.message_shortcut import quoted
from bot.slack.listeners.payload import user_of
from bot.slack.listeners.untold import UntoldOutcomes
from bot.slack.modals import Modal, modal_of, open_modal
from bot.slack.responder import (
    Body,
    Reply,
    Responder,
    describe_error,
    reply_after_modal,
    reply_in_modal,
    reply_to_click,
)

log = structlog.get_logger(__name__)

SEND_SECONDS = 2.0
"""How long storing and filing may take before the acknowledgement, which Slack expects within three. Until then errors
can be shown at their fields."""

SEARCH_SECONDS = 2.0
"""How long a search may take. After three Slack shows an error in place of options."""

_LONGEST_ERROR = 500
"""Characters of an error at a field."""


@dataclass(frozen=True)
class FormListeners:
    """One method for each action in the form."""

    requests: Requests
    current: CurrentPolicy
    suggestions: Suggestions
    responder: Responder
    untold: UntoldOutcomes
    versions: FormVersions = field(default_factory=FormVersions)

    def register(self, app: App) -> None:
        """Registers every listener with Bolt."""
        app.shortcut(ids.ASK_SHORTCUT)(self.ask)
        app.shortcut(ids.ASK_ABOUT_SHORTCUT)(self.ask_about)
        app.options(ids.PATTERNS)(self.search)
        for name in (ids.CLUSTER, ids.PATTERNS, ids.PERMISSION, ids.DURATION, ids.PURPOSE, ids.EMERGENCY):
            app.action(name)(self.update)
        app.view(ids.REQUEST_VIEW)(self.send)

    def ask(self, ack: Ack, body: Body, client: WebClient, respond: Respond) -> None:
        """The global shortcut: opens an empty form."""
        ack()
        self._open_later(client, body, respond, None)

    def ask_about(self, ack: Ack, body: Body, client: WebClient, respond: Respond) -> None:
        """The message shortcut: opens a form with the text and address of the message as the reason."""
        ack()
        self._open_later(client, body, respond, Draft("", "", reason=quoted(body)))

    def _open_later(self, client: WebClient, body: Body, respond: Respond, draft: Draft | None) -> None:
        show = reply_to_click(body, respond, client)
        self.responder.run_later(show, lambda: self.open(client, body, draft))

    def open(self, client: WebClient, body: Body, draft: Draft | None = None, lacks: str = "") -> None:
        """Opens the form, filled in from `draft`. `lacks` names a missing part. Raises `AccessError`, `Outage`."""
        filled = filled_with(draft)
        said: list[Line] = [(lacks,)] if lacks else []
        view = request_form(self.current.policy, filled, said=said)
        modal = open_modal(client, body, view, command_of(filled))
        person = body.get("user_id") or body["user"]["id"]
        self.versions.record_change(modal.id, "", modal.hash)
        if filled.patterns:
            self._show_preview(client, modal, person, filled, "", said)
        elif not self._has_names(filled, person):
            nothing = f"There is nothing to ask for on {self._cluster(filled).name}."
            self._show_preview(client, modal, person, filled, "", [*said, (nothing,)])

    def _has_names(self, filled: FormValues, person: str) -> bool:
        """Reads the catalogue while the person reads the form, so that the first search does not wait.

        Returns false if it is known to hold nothing that the person may ask for.
        """
        try:
            return bool(self.suggestions.index(self._cluster(filled), person).names)
        except (Outage, Refusal) as error:
            log.warning("a form has no suggestions yet", error=str(error))
            return True

    def search(self, ack: Ack, body: Body) -> None:
        """Returns options for the text in the field for patterns."""
        typed = str(body.get("value") or "")
        filled, person = read_form(body["view"]).filled, user_of(body)
        found: Sequence[Suggestion]
        submit = self.responder.ack_queue.submit_urgent
        search = submit(lambda: self.suggestions.search(self._cluster(filled), person, typed, MOST_OPTIONS))
        try:
            found = search.result(SEARCH_SECONDS)
        except (Outage, Refusal, InvalidRequest, TimeoutError) as error:
            log.warning("a search failed", error=f"{type(error).__name__}: {error}")
            found = _as_typed(typed)
        ack(options=[each.to_dict() for each in options_of(found)])

    def update(self, ack: Ack, body: Body, client: WebClient) -> None:
        """A choice has changed: shows a new preview."""
        ack()
        view, at = body["view"], str(body["actions"][0].get("action_ts") or "")
        if view.get("callback_id") != ids.REQUEST_VIEW:
            return
        modal = modal_of(view)
        self.versions.record_change(modal.id, at, modal.hash)

        def show_preview() -> None:
            if self.versions.is_newest(modal.id, at):  # of many changes at once only the last needs a preview
                filled = self._resolve(read_form(view), user_of(body))
                self._show_preview(client, modal, user_of(body), filled, at)

        self.responder.run_later(reply_after_modal(client, body), show_preview)

    def _show_preview(
        self, client: WebClient, modal: Modal, person: str, filled: FormValues, at: str, first: Sequence[Line] = ()
    ) -> None:
        flow, said = preview_form(self.requests, person, on_one_cluster(filled, self.current.policy))
        view = request_form(self.current.policy, filled, flow, [*first, *said])
        view.private_metadata = modal.metadata

        def update(view_hash: str) -> str:
            with domain_errors(client):
                answer = client.views_update(view_id=modal.id, hash=view_hash, view=view)
            return str(answer["view"]["hash"])

        try:
            self.versions.update_newest(modal.id, at, modal.hash, update)
        except (Outage, Refusal) as error:
            # The form was closed, or another process has updated it: nobody misses this preview.
            log.info("a preview was not shown", error=str(error))

    def send(self, ack: Ack, body: Body, client: WebClient) -> None:
        """Files the request of a submitted form. Errors are shown at their fields, and no input is lost."""
        fields, person = read_form(body["view"]), user_of(body)
        show = reply_after_modal(client, body)
        if current_work() is not None:  # taken up again: the form is closed, so its errors come in a message
            self.responder.run_later(show, lambda: self._file(fields, person, show))
            return
        until = monotonic() + SEND_SECONDS
        try:
            if not self.responder.store_form(body):
                ack()
                return
        except DatabaseAway as away:
            ack(response_action="errors", errors=_field_errors(away, fields))
            return
        entry = current_work()
        filing = self.responder.ack_queue.submit_urgent(lambda: self._file_entry(entry, fields, person, show))
        try:
            error = filing.exception(max(until - monotonic(), 0.0))
        except TimeoutError:
            ack(response_action="update", view=waiting())
            filing.add_done_callback(lambda done: self._show_late(client, body, fields, done))
            filing.add_done_callback(lambda _done: self._finish(entry))
            return
        if error is not None:
            self._finish(entry)  # the form stays open, and is sent again
            if isinstance(error, AccessError):
                self.responder.record_refusal(error, current_actor())
            ack(response_action="errors", errors=_field_errors(error, fields))
            return
        ack()
        self.responder.run_later(show, filing.result)

    def _file_entry(self, entry: InboxWork | None, fields: SentForm, person: str, show: Reply) -> MessageContent:
        with working_on(entry):
            return self._file(fields, person, show)

    def _finish(self, entry: InboxWork | None) -> None:
        if entry is not None:
            self.responder.inbox.finish(entry)

    def _file(self, fields: SentForm, person: str, show: Reply) -> MessageContent:
        filled = on_one_cluster(self._resolve(fields, person, strict=True), self.current.policy)
        wrong = problems(self.current.policy, filled.draft)
        if wrong:
            raise _FieldsError(wrong)
        return self.untold.filed(self.requests.submit(person, filled.draft), show)

    def _show_late(self, client: WebClient, body: Body, fields: SentForm, done: "Future[MessageContent]") -> None:
        """Shows a late result in the modal, which says that it takes longer; or the form again, after an error."""
        error = done.exception()
        if error is None:
            reply_in_modal(client, str(body["view"]["id"]))(done.result())
            reply_after_modal(client, body)(done.result())
            return
        self._show_again(client, body, fields, error)

    def _show_again(self, client: WebClient, body: Body, fields: SentForm, error: BaseException) -> None:
        """Shows the form as submitted, with the errors; in a message if the modal was closed meanwhile."""
        told, filled = describe_error(error), fields.filled
        said: list[Line] = [(line,) for line in "\n".join(_field_errors(error, fields).values()).splitlines()]
        try:
            filled = self._resolve(fields, user_of(body))
            view, modal = request_form(self.current.policy, filled, said=said), modal_of(body["view"])
            view.private_metadata = modal.metadata
            with domain_errors(client):
                client.views_update(view_id=modal.id, view=view)
        except (Outage, Refusal):
            show = reply_after_modal(client, body)
            show(told)
            show(plain([("You asked for: ", command_of(filled))]))

    def _resolve(self, fields: SentForm, person: str, *, strict: bool = False) -> FormValues:
        """The form's values with their patterns looked up. `strict`: raises `InvalidRequest` if one is gone."""
        patterns = [self._pattern(value, fields.filled, person) for value in fields.patterns]
        if strict and None in patterns:
            raise InvalidRequest("One of these names is not there any more. Choose again.", about=RequestField.PATTERNS)
        return replace(fields.filled, patterns=tuple(each for each in patterns if each is not None))

    def _pattern(self, value: str, filled: FormValues, person: str) -> str | None:
        shown = pattern_of(value, ())
        if shown is not None:
            return shown
        return pattern_of(value, self.suggestions.index(self._cluster(filled), person).names)

    def _cluster(self, filled: FormValues) -> Integration:
        return self.current.policy.integration(on_one_cluster(filled, self.current.policy).cluster)


class _FieldsError(AccessError):
    """Errors of several fields."""

    def __init__(self, wrong: dict[RequestField, AccessError]) -> None:
        super().__init__("\n".join(each.message for each in wrong.values()))
        self.wrong = wrong


def _field_errors(error: BaseException, fields: SentForm) -> dict[str, str]:
    """Block id → the error to show there."""
    if isinstance(error, _FieldsError):
        return {fields.block_of(part): each.message[:_LONGEST_ERROR] for part, each in error.wrong.items()}
    if isinstance(error, AccessError):
        return {fields.block_of(error.about): answers.without_mentions(error.message)[:_LONGEST_ERROR]}
    told = describe_error(error)
    return {ids.PATTERNS: told.text[:_LONGEST_ERROR]}


def _as_typed(typed: str) -> list[Suggestion]:
    """The typed patterns themselves, for a search without a catalogue."""
    try:
        return [Suggestion(each, "typed", 0) for each in parse_patterns(typed.lower())]
    except InvalidRequest:
        return []
