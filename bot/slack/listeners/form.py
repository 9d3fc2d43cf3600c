"""The request form: opened, searched in, changed and sent."""

from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field, replace

import structlog
from slack_bolt import Ack, App, Respond
from slack_sdk import WebClient

from bot.access.errors import AccessError, InvalidRequest, Outage, Refusal, RequestField
from bot.access.lookup.suggestions import Suggestion, Suggestions
from bot.access.policy.current import CurrentPolicy
from bot.access.policy.patterns import parse_patterns
from bot.access.requests.drafts import problems
from bot.access.requests.service import Draft, Requests
from bot.slack import ids
from bot.slack.blocks import answers
from bot.slack.blocks.content import MessageContent, plain
from bot.slack.blocks.form import FormValues, command_of, filled_with, on_one_cluster, request_form, waiting
from bot.slack.blocks.form_preview import looked
from bot.slack.blocks.options import MOST_OPTIONS, options_of, pattern_of
from bot.slack.blocks.rich_text import Line
from bot.slack.errors import domain_errors
from bot.slack.listeners.form_state import Fields, FormVersions, read_form
from bot.slack.listeners.message_shortcut import quoted
from bot.slack.middleware import acting
from bot.slack.modals import Modal, open_window, standing
from bot.slack.responder import Body, Responder, after_window, in_window, reply, trouble

log = structlog.get_logger(__name__)

SEND_SECONDS = 2.0
"""What is sent must be acknowledged within three: until then errors can stand at their fields."""

SEARCH_SECONDS = 2.0
"""For options. Slack gives three, and shows nothing but an error to who waits longer."""

_LONGEST_ERROR = 500
"""Characters at a field."""


@dataclass(frozen=True)
class FormListeners:
    """One method for each thing that people do with the form."""

    requests: Requests
    current: CurrentPolicy
    suggestions: Suggestions
    responder: Responder
    turns: FormVersions = field(default_factory=FormVersions)

    def register(self, app: App) -> None:
        """Hands every listener to Bolt."""
        app.shortcut(ids.ASK_SHORTCUT)(self.ask)
        app.shortcut(ids.ASK_ABOUT_SHORTCUT)(self.ask_about)
        app.options(ids.PATTERNS)(self.search)
        for name in (ids.CLUSTER, ids.PATTERNS, ids.PERMISSION, ids.DURATION, ids.PURPOSE, ids.EMERGENCY):
            app.action(name)(self.changed)
        app.view(ids.REQUEST_VIEW)(self.send)

    def ask(self, ack: Ack, body: Body, client: WebClient, respond: Respond) -> None:
        """The shortcut of the menu."""
        ack()
        self._opening(client, body, respond, None)

    def ask_about(self, ack: Ack, body: Body, client: WebClient, respond: Respond) -> None:
        """The shortcut of a message: its text and address are the reason."""
        ack()
        self._opening(client, body, respond, Draft("", "", reason=quoted(body)))

    def _opening(self, client: WebClient, body: Body, respond: Respond, draft: Draft | None) -> None:
        show = reply(body, respond, client)
        self.responder.later(show, lambda: self.open(client, body, draft))

    def open(self, client: WebClient, body: Body, draft: Draft | None = None, lacks: str = "") -> None:
        """Opens the form with what was typed in it. `lacks` says what is missing. Raises `AccessError`, `Outage`."""
        filled = filled_with(draft)
        said: list[Line] = [(lacks,)] if lacks else []
        view = request_form(self.current.policy, filled, said=said)
        window = open_window(client, body, view, command_of(filled))
        person = body.get("user_id") or body["user"]["id"]
        self.turns.begin(window.id, "", window.hash)
        if filled.patterns:
            self._look(client, window, person, filled, "", said)
        else:
            self._warm(filled)

    def _warm(self, filled: FormValues) -> None:
        """Reads what exists while the form is still being looked at, so that the first search waits for nothing."""
        try:
            self.suggestions.index(self._cluster(filled))
        except (Outage, Refusal) as error:
            log.warning("a form has nothing to offer yet", error=str(error))

    def search(self, ack: Ack, body: Body) -> None:
        """Somebody types into the field for patterns."""
        typed = str(body.get("value") or "")
        filled = read_form(body["view"]).filled
        found: Sequence[Suggestion]
        at_once = self.responder.ack_queue.at_once
        looking = at_once(lambda: self.suggestions.search(self._cluster(filled), typed, MOST_OPTIONS))
        try:
            found = looking.result(SEARCH_SECONDS)
        except (Outage, Refusal, InvalidRequest, TimeoutError) as error:
            log.warning("a search came to nothing", error=f"{type(error).__name__}: {error}")
            found = _as_typed(typed)
        ack(options=[each.to_dict() for each in options_of(found)])

    def changed(self, ack: Ack, body: Body, client: WebClient) -> None:
        """Something was chosen: what that comes to is shown."""
        ack()
        view, at = body["view"], str(body["actions"][0].get("action_ts") or "")
        if view.get("callback_id") != ids.REQUEST_VIEW:
            return
        window = standing(view)
        self.turns.begin(window.id, at, window.hash)

        def look() -> None:
            if self.turns.newest(window.id, at):  # of many at once, only the last is worth looking for
                filled = self._filled(read_form(view))
                self._look(client, window, body["user"]["id"], filled, at)

        self.responder.later(after_window(client, body), look)

    def _look(
        self, client: WebClient, window: Modal, person: str, filled: FormValues, at: str, first: Sequence[Line] = ()
    ) -> None:
        flow, said = looked(self.requests, person, on_one_cluster(filled, self.current.policy))
        view = request_form(self.current.policy, filled, flow, [*first, *said])
        view.private_metadata = window.metadata

        def update(view_hash: str) -> str:
            with domain_errors():
                answer = client.views_update(view_id=window.id, hash=view_hash, view=view)
            return str(answer["view"]["hash"])

        try:
            self.turns.show(window.id, at, window.hash, update)
        except (Outage, Refusal) as error:
            # Closed meanwhile, or another process was later: a preview that nobody sees is no loss.
            log.info("a preview was not shown", error=str(error))

    def send(self, ack: Ack, body: Body, client: WebClient) -> None:
        """The form is sent: errors stand at their fields, and nothing that was filled in is lost."""
        fields, person = read_form(body["view"]), body["user"]["id"]
        filing = self.responder.ack_queue.at_once(lambda: self._file(fields, person))
        try:
            error = filing.exception(SEND_SECONDS)
        except TimeoutError:
            ack(response_action="update", view=waiting())
            filing.add_done_callback(lambda done: self._late(client, body, fields, done))
            return
        if error is not None:
            if isinstance(error, AccessError):
                self.responder.refused(error, acting())
            ack(response_action="errors", errors=_errors(error, fields))
            return
        ack()
        self.responder.later(after_window(client, body), filing.result)

    def _file(self, fields: Fields, person: str) -> MessageContent:
        filled = on_one_cluster(self._filled(fields, complain=True), self.current.policy)
        wrong = problems(self.current.policy, filled.draft)
        if wrong:
            raise _SeveralError(wrong)
        return answers.filed(self.requests.submit(person, filled.draft))

    def _late(self, client: WebClient, body: Body, fields: Fields, done: "Future[MessageContent]") -> None:
        """The window says already that it takes longer: it shows what came of it, or the form again."""
        error = done.exception()
        if error is None:
            in_window(client, str(body["view"]["id"]))(done.result())
            after_window(client, body)(done.result())
            return
        self._again(client, body, fields, error)

    def _again(self, client: WebClient, body: Body, fields: Fields, error: BaseException) -> None:
        """Shows the form as it was sent, with what was wrong; in a message where the window is closed meanwhile."""
        told, filled = trouble(error), fields.filled
        said: list[Line] = [(line,) for line in "\n".join(_errors(error, fields).values()).splitlines()]
        try:
            filled = self._filled(fields)
            view, window = request_form(self.current.policy, filled, said=said), standing(body["view"])
            view.private_metadata = window.metadata
            with domain_errors():
                client.views_update(view_id=window.id, view=view)
        except (Outage, Refusal):
            show = after_window(client, body)
            show(told)
            show(plain([("You asked for: ", command_of(filled))]))

    def _filled(self, fields: Fields, *, complain: bool = False) -> FormValues:
        """The form with the patterns that its values stand for. `complain`: raises for one that is not there."""
        patterns = [self._pattern(value, fields.filled) for value in fields.patterns]
        if complain and None in patterns:
            raise InvalidRequest("One of these names is not there any more. Choose again.", about=RequestField.PATTERNS)
        return replace(fields.filled, patterns=tuple(each for each in patterns if each is not None))

    def _pattern(self, value: str, filled: FormValues) -> str | None:
        shown = pattern_of(value, ())
        return shown if shown is not None else pattern_of(value, self.suggestions.index(self._cluster(filled)).names)

    def _cluster(self, filled: FormValues) -> str:
        return self.current.policy.integration(on_one_cluster(filled, self.current.policy).cluster).name


class _SeveralError(AccessError):
    """What is wrong with several fields."""

    def __init__(self, wrong: dict[RequestField, AccessError]) -> None:
        super().__init__("\n".join(each.message for each in wrong.values()))
        self.wrong = wrong


def _errors(error: BaseException, fields: Fields) -> dict[str, str]:
    """What stands at which field."""
    if isinstance(error, _SeveralError):
        return {fields.place(part): each.message[:_LONGEST_ERROR] for part, each in error.wrong.items()}
    if isinstance(error, AccessError):
        return {fields.place(error.about): answers.without_mentions(error.message)[:_LONGEST_ERROR]}
    told = trouble(error)
    return {ids.PATTERNS: told.text[:_LONGEST_ERROR]}


def _as_typed(typed: str) -> list[Suggestion]:
    """What can be offered where nothing is known of what exists."""
    try:
        return [Suggestion(each, "typed", 0) for each in parse_patterns(typed.lower())]
    except InvalidRequest:
        return []
