"""What Slack calls when somebody types or clicks: acknowledge, call the domain, answer. Nothing is decided here."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from slack_bolt import Ack, App, Respond
from slack_sdk import WebClient

from bot.access.durations import parse_duration
from bot.access.errors import Incomplete
from bot.access.grants.service import Grants
from bot.access.lookup.history import History
from bot.access.policy.current import CurrentPolicy
from bot.access.ports import Clock
from bot.access.requests.approvals import Approvals
from bot.access.requests.service import Draft, Requests
from bot.slack import ids
from bot.slack.blocks import answers
from bot.slack.blocks import modals as views
from bot.slack.blocks.content import MessageContent
from bot.slack.listeners.command_parser import Command, Verb, parse
from bot.slack.listeners.payload import accepted, discard, id_of, value_of
from bot.slack.middleware import acting
from bot.slack.modals import open_window, subject_of
from bot.slack.responder import Answer, Body, Responder, after_window, in_window, privately, reply


class FormOpener(Protocol):
    """Opens the request form, filled in with what was typed; `lacks` says in a sentence what is missing."""

    def __call__(self, client: WebClient, body: Body, draft: Draft | None = None, lacks: str = "") -> None: ...


@dataclass(frozen=True)
class RequestListeners:
    """One method for each thing that people do in Slack."""

    requests: Requests
    approvals: Approvals
    grants: Grants
    history: History
    current: CurrentPolicy
    clock: Clock
    groups_changed: Callable[[], None]
    responder: Responder
    opens_form: FormOpener

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

        def answer() -> MessageContent | None:
            command = parse(body.get("text") or "", [each.name for each in self.current.policy.permissions])
            if command.verb is Verb.FORM:
                self.opens_form(client, body, command.draft, command.text)
                return None
            try:
                return self._answer(command, person)
            except Incomplete as error:
                if command.verb is not Verb.REQUEST or (command.draft and command.draft.only_typed):
                    raise
                self.opens_form(client, body, command.draft, error.message)
                return None

        self._later(privately(respond), answer)

    def _answer(self, command: Command, person: str) -> MessageContent:
        answers_to: dict[Verb, Callable[[], MessageContent]] = {
            Verb.REQUEST: lambda: answers.filed(self.requests.submit(person, _draft_of(command))),
            Verb.EXPLAIN: lambda: answers.explained(*self.requests.explain(person, _draft_of(command))),
            Verb.RESOURCES: lambda: answers.resources(self.history.resources(command.text), command.text),
            Verb.LIST: lambda: answers.listed(self.history.mine(person), self.clock.now()),
            Verb.STATUS: lambda: answers.status(self.history.status(command.id, person)),
            Verb.CANCEL: lambda: answers.cancelled(self.requests.cancel(command.id, person)),
            Verb.REVOKE: lambda: answers.revoking(self.grants.revoke(command.id, person)),
            Verb.RESET: lambda: answers.resetting(self.grants.reset(command.id, person)),
            Verb.EXTEND: lambda: answers.filed(self.requests.extend(person, command.id, command.duration)),
            Verb.HELP: lambda: answers.help_text(self.current.policy),
        }
        return answers_to[command.verb]()

    def approve(self, ack: Ack, body: Body, respond: Respond, client: WebClient) -> None:
        """An owner clicks Approve. Every copy of the message says so by itself."""
        ack()
        self._later(
            reply(body, respond, client), lambda: discard(self.approvals.approve(id_of(body), body["user"]["id"]))
        )

    def open_deny(self, ack: Ack, body: Body, respond: Respond, client: WebClient) -> None:
        """An owner clicks Deny: asks for the reason, if there is still something to deny."""
        ack()

        def answer() -> None:
            request, _ = self.approvals.find_decidable(id_of(body), body["user"]["id"])
            open_window(client, body, views.deny_form(request.id), "Click Deny again.")

        self._later(reply(body, respond, client), answer)

    def deny(self, ack: Ack, body: Body, client: WebClient) -> None:
        """The reason of a denial is sent."""
        ack()
        request_id, person = subject_of(body), body["user"]["id"]
        self._later(
            after_window(client, body),
            lambda: discard(self.approvals.deny(request_id, person, value_of(body, ids.REASON))),
        )

    def revoke(self, ack: Ack, body: Body, respond: Respond, client: WebClient) -> None:
        """A requester clicks Revoke now."""
        ack()
        self._later(
            reply(body, respond, client), lambda: answers.revoking(self.grants.revoke(id_of(body), body["user"]["id"]))
        )

    def open_extend(self, ack: Ack, body: Body, respond: Respond, client: WebClient) -> None:
        """A requester clicks Extend: asks for how much longer."""
        ack()
        grant_id = id_of(body)
        view, instead = views.extend_form(grant_id), f"/es-access extend {grant_id} 1h"
        self._later(reply(body, respond, client), lambda: discard(open_window(client, body, view, instead)))

    def reset(self, ack: Ack, body: Body, respond: Respond, client: WebClient) -> None:
        """A requester wants a fresh secret."""
        ack()
        self._later(
            reply(body, respond, client), lambda: answers.resetting(self.grants.reset(id_of(body), body["user"]["id"]))
        )

    def reveal(self, ack: Ack, body: Body, respond: Respond, client: WebClient) -> None:
        """A requester clicks Reveal: the window opens at once, and shows what comes of it, be it an error."""
        ack()
        who = acting()

        def make() -> MessageContent:
            details, credential = self.grants.reveal(id_of(body), body["user"]["id"])
            return answers.revealed(details, self.current.policy.integration(details.request.integration), credential)

        def answer() -> None:
            window = open_window(client, body, views.making(), "Click Reveal again.")
            self.responder.now(in_window(client, window.id), make, who)

        self._later(reply(body, respond, client), answer)

    def extend(self, ack: Ack, body: Body, client: WebClient) -> None:
        """The length of an extension is sent."""
        duration = value_of(body, ids.DURATION)
        if not accepted(ack, {ids.DURATION: lambda: parse_duration(duration, self.current.policy.longest)}):
            return
        grant_id, person = subject_of(body), body["user"]["id"]
        self._later(
            after_window(client, body),
            lambda: answers.filed(self.requests.extend(person, grant_id, duration)),
        )

    def _later(self, show: Answer, work: Callable[[], MessageContent | None]) -> None:
        self.responder.later(show, work)


def _draft_of(command: Command) -> Draft:
    if command.draft is None:
        raise AssertionError(f"{command.verb} without a draft")
    return command.draft
