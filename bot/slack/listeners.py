"""What Slack calls when somebody types or clicks: acknowledge, call the domain, answer. Nothing is decided here."""

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol

import structlog
from slack_bolt import Ack, App, Respond
from slack_sdk import WebClient
from slack_sdk.models.views import View

from bot.access.admission import check_belongs_if_known
from bot.access.approvals import Approvals
from bot.access.durations import parse_duration
from bot.access.errors import AccessError, Outage, Refusal
from bot.access.grants import Grants
from bot.access.history import History
from bot.access.ids import read_id
from bot.access.models import CredentialKind
from bot.access.patterns import parse_patterns
from bot.access.ports import Clock, Directory
from bot.access.refusals import Refusals
from bot.access.requests import Draft, Requests
from bot.access.routing import Rules
from bot.slack import answers, ids, views
from bot.slack.afterwards import Afterwards
from bot.slack.commands import Command, Verb, parse
from bot.slack.errors import domain_errors
from bot.slack.gate import Acting, acting
from bot.slack.messages import Content

log = structlog.get_logger(__name__)

_NO_ID = "(none)"
"""Stands for the id of a button that carries none: the domain knows no such request, and says so."""

_KINDS = {kind.value: kind for kind in CredentialKind}
"""By the value of the choice in the form; any other value leaves it to the access flow."""

Body = dict[str, Any]


class Answer(Protocol):
    """Shows something to the person who typed or clicked, and to nobody else."""

    def __call__(self, content: Content) -> object: ...


@dataclass(frozen=True)
class Listeners:
    """One method for each thing that people do in Slack."""

    requests: Requests
    approvals: Approvals
    grants: Grants
    history: History
    rules: Rules
    clock: Clock
    groups_changed: Callable[[], None]
    afterwards: Afterwards
    directory: Directory
    refusals: Refusals

    def register(self, app: App) -> None:
        """Hands every listener to Bolt."""
        app.command(ids.COMMAND)(self.command)
        app.action(ids.APPROVE)(self.approve)
        app.action(ids.DENY)(self.open_deny)
        app.action(ids.REVOKE)(self.revoke)
        app.action(ids.EXTEND)(self.open_extend)
        app.action(ids.RESET)(self.reset)
        app.action(ids.REVEAL)(self.reveal)
        for event in ids.GROUP_EVENTS:
            app.event(event)(self.group_changed)
        app.view(ids.REQUEST_VIEW)(self.submit)
        app.view(ids.DENY_VIEW)(self.deny)
        app.view(ids.EXTEND_VIEW)(self.extend)

    def group_changed(self, ack: Ack) -> None:
        """A user group was changed: who may decide is looked up anew."""
        ack()
        self.groups_changed()

    def command(self, ack: Ack, body: Body, respond: Respond, client: WebClient) -> None:
        """`/es-access …`"""
        ack()
        person = body["user_id"]

        def answer() -> Content | None:
            command = parse(body.get("text") or "", [each.name for each in self.rules.policy.permissions])
            if command.verb is Verb.FORM:
                _open(client, body, views.request_form(self.rules.policy))
                return None
            return self._answer(command, person)

        self._later(_privately(respond), answer)

    def _answer(self, command: Command, person: str) -> Content:
        answers_to: dict[Verb, Callable[[], Content]] = {
            Verb.REQUEST: lambda: answers.filed(self.requests.submit(person, _draft_of(command))),
            Verb.EXPLAIN: lambda: answers.explained(*self.requests.explain(person, _draft_of(command))),
            Verb.RESOURCES: lambda: answers.resources(self.history.resources(command.text), command.text),
            Verb.LIST: lambda: answers.listed(self.history.mine(person), self.clock.now()),
            Verb.STATUS: lambda: answers.status(self.history.status(command.id, person)),
            Verb.CANCEL: lambda: answers.cancelled(self.requests.cancel(command.id, person)),
            Verb.REVOKE: lambda: answers.revoking(self.grants.revoke(command.id, person)),
            Verb.RESET: lambda: answers.resetting(self.grants.reset(command.id, person)),
            Verb.EXTEND: lambda: answers.filed(self.requests.extend(person, command.id, command.duration)),
            Verb.HELP: lambda: answers.help_text(self.rules.policy),
        }
        return answers_to[command.verb]()

    def approve(self, ack: Ack, body: Body, respond: Respond) -> None:
        """An owner clicks Approve. Every copy of the message says so by itself."""
        ack()
        self._later(_privately(respond), lambda: _nothing(self.approvals.approve(_id_of(body), body["user"]["id"])))

    def open_deny(self, ack: Ack, body: Body, respond: Respond, client: WebClient) -> None:
        """An owner clicks Deny: asks for the reason, if there is still something to deny."""
        ack()

        def answer() -> None:
            request, _ = self.approvals.open_to(_id_of(body), body["user"]["id"])
            _open(client, body, views.deny_form(request.id))

        self._later(_privately(respond), answer)

    def deny(self, ack: Ack, body: Body, client: WebClient) -> None:
        """The reason of a denial is sent."""
        ack()
        request_id, person = body["view"]["private_metadata"], body["user"]["id"]
        self._later(
            _in_dm(client, person),
            lambda: _nothing(self.approvals.deny(request_id, person, _value(body, ids.REASON))),
        )

    def revoke(self, ack: Ack, body: Body, respond: Respond) -> None:
        """A requester clicks Revoke now."""
        ack()
        self._later(_privately(respond), lambda: answers.revoking(self.grants.revoke(_id_of(body), body["user"]["id"])))

    def open_extend(self, ack: Ack, body: Body, respond: Respond, client: WebClient) -> None:
        """A requester clicks Extend: asks for how much longer."""
        ack()
        self._later(_privately(respond), lambda: _nothing(_open(client, body, views.extend_form(_id_of(body)))))

    def reset(self, ack: Ack, body: Body, respond: Respond) -> None:
        """A requester wants a fresh secret."""
        ack()
        self._later(_privately(respond), lambda: answers.resetting(self.grants.reset(_id_of(body), body["user"]["id"])))

    def reveal(self, ack: Ack, body: Body, respond: Respond, client: WebClient) -> None:
        """A requester clicks Reveal: the window opens at once, and shows what comes of it, be it an error."""
        ack()
        who = acting()

        def make() -> Content:
            story, credential = self.grants.reveal(_id_of(body), body["user"]["id"])
            return answers.revealed(story, self.rules.policy.integration(story.request.integration), credential)

        def answer() -> None:
            window = _open(client, body, views.making())
            _answering(_in_window(client, window), make, partial(self._refused, who))

        self._later(_privately(respond), answer)

    def extend(self, ack: Ack, body: Body, client: WebClient) -> None:
        """The length of an extension is sent."""
        duration = _value(body, ids.DURATION)
        if not _accepted(ack, {ids.DURATION: lambda: parse_duration(duration, self.rules.policy.longest)}):
            return
        grant_id, person = body["view"]["private_metadata"], body["user"]["id"]
        self._later(
            _in_dm(client, person),
            lambda: answers.filed(self.requests.extend(person, grant_id, duration)),
        )

    def submit(self, ack: Ack, body: Body, client: WebClient) -> None:
        """The request form is sent."""
        draft = Draft(
            patterns=_value(body, ids.PATTERNS),
            duration=_value(body, ids.DURATION).strip(),
            permission=_chosen(body, ids.PERMISSION) or "read",
            reason=_value(body, ids.REASON),
            integration=_chosen(body, ids.CLUSTER),
            kind=_KINDS.get(_chosen(body, ids.PURPOSE) or ""),
        )
        checks: dict[str, Callable[[], object]] = {
            ids.PATTERNS: lambda: parse_patterns(draft.patterns),
            ids.DURATION: lambda: parse_duration(draft.duration, self.rules.policy.longest),
        }
        if _accepted(ack, checks):
            person = body["user"]["id"]
            self._later(_in_dm(client, person), lambda: answers.filed(self.requests.submit(person, draft)))

    def _later(self, show: Answer, work: Callable[[], Content | None]) -> None:
        who = acting()

        def admitted() -> Content | None:
            if who is not None:
                check_belongs_if_known(self.directory, who.person)
            return work()

        self.afterwards.do(lambda: _answering(show, admitted, partial(self._refused, who)))

    def _refused(self, who: Acting | None, error: AccessError) -> None:
        if who is not None:
            self.refusals.record(who.person, who.what, error, who.request_id)


def _draft_of(command: Command) -> Draft:
    if command.draft is None:
        raise AssertionError(f"{command.verb} without a draft")
    return command.draft


def _answering(show: Answer, work: Callable[[], Content | None], refused: Callable[[AccessError], None]) -> None:
    """Runs `work` and shows what comes of it, whatever that is."""
    try:
        content = work()
    except AccessError as error:
        refused(error)
        content = answers.refused(error)
    except (Outage, Refusal) as error:
        log.warning("a click came to nothing", error=str(error))
        content = answers.unreachable(str(error))
    except Exception:
        mark = secrets.token_hex(4)
        log.exception("a bug: a click was left unanswered", mark=mark)
        content = answers.unforeseen(mark)
    if content is not None:
        show(content)


def _accepted(ack: Ack, checks: dict[str, Callable[[], object]]) -> bool:
    """Acknowledges a form: either it closes, or the errors stand at their fields."""
    errors = {}
    for field, check in checks.items():
        try:
            check()
        except AccessError as error:
            errors[field] = error.message
    if errors:
        ack(response_action="errors", errors=errors)
    else:
        ack()
    return not errors


def _privately(respond: Respond) -> Answer:
    def show(content: Content) -> None:
        with _logged():
            respond(text=content.text, blocks=content.blocks, response_type="ephemeral", replace_original=False)

    return show


def _in_dm(client: WebClient, person: str) -> Answer:
    def show(content: Content) -> None:
        with _logged(), domain_errors():
            client.chat_postMessage(channel=person, text=content.text, blocks=content.blocks)

    return show


def _in_window(client: WebClient, window: str) -> Answer:
    def show(content: Content) -> None:
        with _logged(), domain_errors():
            client.views_update(view_id=window, view=views.shown(content.blocks))

    return show


class _logged:  # noqa: N801 (used as a statement)
    """An answer that cannot be shown is logged: what it is about has happened, and must not be undone."""

    def __enter__(self) -> None:
        return None

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> bool:
        if isinstance(error, Exception):
            log.warning("an answer could not be shown", error=f"{type(error).__name__}: {error}")
            return True
        return False


def _open(client: WebClient, body: Body, view: View) -> str:
    """Opens the window, and returns its id. Raises `Outage`, `Refusal`."""
    with domain_errors():
        answer = client.views_open(trigger_id=body["trigger_id"], view=view)
    return str(answer["view"]["id"])


def _id_of(body: Body) -> str:
    return read_id(str(body["actions"][0].get("value") or "")) or _NO_ID


def _value(body: Body, name: str) -> str:
    return body["view"]["state"]["values"].get(name, {}).get(name, {}).get("value") or ""


def _chosen(body: Body, name: str) -> str | None:
    option = body["view"]["state"]["values"].get(name, {}).get(name, {}).get("selected_option") or {}
    return option.get("value")


def _nothing(_result: object) -> None:
    return None
