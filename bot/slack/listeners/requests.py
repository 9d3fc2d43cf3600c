"""Listeners for the command and the buttons of messages: acknowledge, call the domain, reply. They decide nothing."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import tzinfo
from typing import Protocol

from slack_bolt import Ack, App, Respond
from slack_sdk import WebClient

from bot.access.durations import parse_duration
from bot.access.errors import AccessError, Incomplete
from bot.access.grants.service import Grants
from bot.access.lookup.history import History
from bot.access.policy.current import CurrentPolicy
from bot.access.policy.model import Integration
from bot.access.ports import Clock
from bot.access.requests.approvals import Approvals
from bot.access.requests.drafts import Draft
from bot.access.requests.service import Requests
from bot.slack import ids
from bot.slack.actor import current_actor
from bot.slack.blocks import answers, modal_forms
from bot.slack.blocks.content import MessageContent, noted
from bot.slack.blocks.parts.own_account import checked
from bot.slack.blocks.phrases import from_memory
from bot.slack.blocks.rich_text import Line
from bot.slack.command.command import Command, Verb
from bot.slack.command.options import CountNameWords
from bot.slack.listeners.command_parser import explaining, parse
from bot.slack.listeners.payload import acknowledge_form, discard, request_id_of, typed_value, user_of
from bot.slack.listeners.untold import UntoldOutcomes
from bot.slack.modals import open_modal, subject_of
from bot.slack.responder import (
    Body,
    Reply,
    Responder,
    reply_after_modal,
    reply_in_modal,
    reply_to_click,
    reply_to_command,
)


class FormOpener(Protocol):
    """Opens the request form, filled in from a draft; `lacks` is a sentence about a missing part."""

    def __call__(self, client: WebClient, body: Body, draft: Draft | None = None, lacks: str = "") -> None: ...


@dataclass(frozen=True)
class RequestListeners:
    """One method for each action."""

    requests: Requests
    approvals: Approvals
    grants: Grants
    history: History
    current: CurrentPolicy
    clock: Clock
    reload_groups: Callable[[], None]
    count_name_words: CountNameWords
    time_zone: Callable[[str], tzinfo]
    responder: Responder
    untold: UntoldOutcomes
    open_form: FormOpener

    def register(self, app: App) -> None:
        """Registers every listener with Bolt."""
        app.command(ids.COMMAND)(self.command)
        app.action(ids.APPROVE)(self.approve)
        app.action(ids.DENY)(self.open_deny)
        app.action(ids.REVOKE)(self.revoke)
        app.action(ids.EXTEND)(self.open_extend)
        app.action(ids.RESET)(self.reset)
        app.action(ids.REVEAL)(self.reveal)
        app.action(ids.CHECK)(self.check)
        for event in ids.GROUP_EVENTS:
            app.event(event)(self.reload_group)
        app.view(ids.DENY_VIEW)(self.deny)
        app.view(ids.EXTEND_VIEW)(self.extend)

    def reload_group(self, ack: Ack) -> None:
        """A user group has changed: looks up again who may decide."""
        ack()
        self.reload_groups()

    def command(self, ack: Ack, body: Body, respond: Respond, client: WebClient) -> None:
        """`/es-access …`"""
        ack()
        person, show = body["user_id"], reply_to_command(body, respond, client)

        def answer() -> MessageContent | None:
            try:
                return carry_out()
            except AccessError as error:
                error.example = self._with_cluster(error.example)
                raise

        def carry_out() -> MessageContent | None:
            command = parse(
                body.get("text") or "",
                [each.name for each in self.current.policy.permissions],
                self.count_name_words,
                lambda: self.clock.now().astimezone(self.time_zone(person)),
                lambda: self.history.offered_permissions(person),
            )
            if command.verb is Verb.FORM:
                self.open_form(client, body, command.draft, command.text)
                return None
            try:
                return self._answer(command, person, show)
            except Incomplete as error:
                if command.verb is not Verb.REQUEST or (command.draft and command.draft.only_typed):
                    raise
                self.open_form(client, body, command.draft, " ".join(filter(None, (error.message, command.note))))
                return None

        self._later(show, answer)

    def _with_cluster(self, example: str | None) -> str | None:
        """The example with a cluster that exists."""
        return example and example.replace("--cluster NAME", f"--cluster {self.current.policy.integrations[0].name}")

    def _answer(self, command: Command, person: str, show: Reply) -> MessageContent:
        answers_to: dict[Verb, Callable[[], MessageContent]] = {
            Verb.REQUEST: lambda: self._submit(command, person, show),
            Verb.EXPLAIN: lambda: self._explain(command, person),
            Verb.RESOURCES: lambda: self._resources(person, command.text),
            Verb.LIST: lambda: answers.listed(self.history.mine(person), self.clock.now()),
            Verb.STATUS: lambda: answers.status(self.history.status(command.id, person)),
            Verb.CANCEL: lambda: answers.cancelled(self.requests.cancel(command.id, person)),
            Verb.REVOKE: lambda: answers.revoking(self.grants.revoke(command.id, person)),
            Verb.RESET: lambda: answers.resetting(self.grants.reset(command.id, person)),
            Verb.EXTEND: lambda: self.untold.filed(
                self.requests.extend(person, command.id, command.duration, command.text), show
            ),
            Verb.HELP: lambda: answers.help_text(self.current.policy, self.history.offered_permissions(person)),
        }
        return answers_to[command.verb]()

    def _submit(self, command: Command, person: str, show: Reply) -> MessageContent:
        result = self.requests.submit(person, _draft_of(command))
        return noted(self.untold.filed(result, show), [] if result.duplicate else _notes(command))

    def _explain(self, command: Command, person: str) -> MessageContent:
        try:
            parsed, plan = self.requests.explain(person, _draft_of(command))
            notes = [*_notes(command), *self._remembered([parsed.integration])]
            return noted(answers.explained(parsed, plan), notes)
        except AccessError as error:
            error.example = explaining(error.example)
            raise

    def _resources(self, person: str, text: str) -> MessageContent:
        found = answers.resources(self.history.visible_resources(person, text), text)
        return noted(found, self._remembered(self.current.policy.integrations))

    def _remembered(self, integrations: Sequence[Integration]) -> list[Line]:
        """Notes about the clusters that do not answer."""
        return [
            line for each in integrations for line in from_memory(each.name, self.requests.remembered_since(each.name))
        ]

    def approve(self, ack: Ack, body: Body, respond: Respond, client: WebClient) -> None:
        """An owner clicks Approve. Every copy of the message is edited to say so."""
        ack()
        self._later(
            reply_to_click(body, respond, client),
            lambda: discard(self.approvals.approve(request_id_of(body), user_of(body))),
        )

    def open_deny(self, ack: Ack, body: Body, respond: Respond, client: WebClient) -> None:
        """An owner clicks Deny: asks for the reason if the request is still open."""
        ack()

        def answer() -> None:
            request, _ = self.approvals.find_decidable(request_id_of(body), user_of(body))
            open_modal(client, body, modal_forms.deny_form(request.id), "Click Deny again.")

        self._later(reply_to_click(body, respond, client), answer)

    def deny(self, ack: Ack, body: Body, client: WebClient) -> None:
        """An owner submits the reason of a denial."""
        if not acknowledge_form(ack, body, self.responder):
            return
        request_id, person = subject_of(body), user_of(body)
        self._later(
            reply_after_modal(client, body),
            lambda: discard(self.approvals.deny(request_id, person, typed_value(body, ids.REASON))),
        )

    def revoke(self, ack: Ack, body: Body, respond: Respond, client: WebClient) -> None:
        """A requester clicks Revoke now."""
        ack()
        self._later(
            reply_to_click(body, respond, client),
            lambda: answers.revoking(self.grants.revoke(request_id_of(body), user_of(body))),
        )

    def open_extend(self, ack: Ack, body: Body, respond: Respond, client: WebClient) -> None:
        """A requester clicks Extend: asks for the additional duration."""
        ack()
        grant_id = request_id_of(body)
        view, instead = modal_forms.extend_form(grant_id), f"/es-access extend {grant_id} 1h"
        self._later(reply_to_click(body, respond, client), lambda: discard(open_modal(client, body, view, instead)))

    def reset(self, ack: Ack, body: Body, respond: Respond, client: WebClient) -> None:
        """A requester clicks Reset, for a fresh secret."""
        ack()
        self._later(
            reply_to_click(body, respond, client),
            lambda: answers.resetting(self.grants.reset(request_id_of(body), user_of(body))),
        )

    def reveal(self, ack: Ack, body: Body, respond: Respond, client: WebClient) -> None:
        """A requester clicks Reveal: opens a modal at once, then shows the secret or an error in it."""
        ack()
        who = current_actor()

        def make() -> MessageContent:
            details, credential = self.grants.reveal(request_id_of(body), user_of(body))
            return answers.revealed(details, self.current.policy.integration(details.request.integration), credential)

        def answer() -> None:
            modal = open_modal(client, body, modal_forms.making(), "Click Reveal again.")
            self.responder.run_now(reply_in_modal(client, modal.id), make, who)

        self._later(reply_to_click(body, respond, client), answer)

    def check(self, ack: Ack, body: Body, respond: Respond, client: WebClient) -> None:
        """A requester clicks Check: says whether their own account has the access."""
        ack()
        self._later(
            reply_to_click(body, respond, client),
            lambda: checked(works=self.grants.check(request_id_of(body), user_of(body))),
        )

    def extend(self, ack: Ack, body: Body, client: WebClient) -> None:
        """A requester submits the additional duration."""
        duration = typed_value(body, ids.DURATION)
        checks = {ids.DURATION: lambda: parse_duration(duration, self.current.policy.longest)}
        if not acknowledge_form(ack, body, self.responder, checks):
            return
        grant_id, person, show = subject_of(body), user_of(body), reply_after_modal(client, body)
        self._later(show, lambda: self.untold.filed(self.requests.extend(person, grant_id, duration), show))

    def _later(self, show: Reply, work: Callable[[], MessageContent | None]) -> None:
        self.responder.run_later(show, work)


def _notes(command: Command) -> list[Line]:
    return [(command.note,)] if command.note else []


def _draft_of(command: Command) -> Draft:
    if command.draft is None:
        raise AssertionError(f"{command.verb} without a draft")
    return command.draft
