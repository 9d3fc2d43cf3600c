"""Shows the result of a click or a command to the person who made it, and to nobody else."""

import secrets
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Protocol

import structlog
from slack_bolt import Respond
from slack_sdk import WebClient

from bot.access.audit.refusals import Refusals
from bot.access.errors import AccessError, DatabaseAway, Outage, Refusal
from bot.access.notifications.inbox import Inbox
from bot.access.ports import Directory
from bot.access.requests.membership import check_belongs_if_known
from bot.access.store.inbox import DoneElsewhere, InboxWork, current_work, set_current_work, working_on
from bot.slack.ack_queue import AckQueue
from bot.slack.actor import Actor, current_actor
from bot.slack.blocks import answers, modal_forms
from bot.slack.blocks.content import MessageContent
from bot.slack.client import slack_gate
from bot.slack.errors import domain_errors
from bot.slack.intake.payloads import asks_for_something, entry_id, has_no_answer, person_of, stored_part
from bot.slack.modals import channel_of

STORE_SECONDS = 1.5
"""How long a payload that waits for Bolt's answer may wait to be stored. Slack waits for three."""

_RESPONSES = slack_gate("response_url")
"""In front of all addresses for answers, which are one server's."""

log = structlog.get_logger(__name__)

Body = dict[str, Any]


class Reply(Protocol):
    """Shows content to the person who typed or clicked. Returns false if Slack did not take it."""

    def __call__(self, content: MessageContent) -> bool | None: ...


@dataclass(frozen=True)
class Responder:
    """Runs the work of an acknowledged payload and shows its result or its error.

    People who do not belong to the workspace are refused. Every refusal is audited.
    """

    ack_queue: AckQueue
    directory: Directory
    refusals: Refusals
    inbox: Inbox

    def store_form(self, body: Body) -> bool:
        """Stores a sent form before its acknowledgement. Returns false for a copy of one. Raises `DatabaseAway`.

        A form that is taken up again is stored already.
        """
        return current_work() is not None or self._store(body)

    def store_unanswered(self, body: Body) -> bool:
        """Stores a payload that must not be lost before its listener acknowledges it. Returns false for a copy of one.

        The intake has stored the payloads that are known to be ours. Of the rest Slack is asked first: of all that
        comes before it has said who we are, and of people at home in other workspaces of our organisation.
        """
        if current_work() is not None or not (has_no_answer(body) and asks_for_something(body)):
            return True
        try:
            return self._store(body)
        except Exception as error:  # noqa: BLE001 (without a row the work is tried, and its answer tells the outcome)
            log.warning("a payload is worked on without being stored", error=type(error).__name__)
            return True

    def _store(self, body: Body) -> bool:
        """Stores the payload that this thread works on. Returns false for a copy. Raises `DatabaseAway`."""
        who = current_actor()
        stored = self.inbox.put(entry_id(body), person_of(who.person if who else None), stored_part(body))
        try:
            work = stored.result(STORE_SECONDS)
        except TimeoutError:
            stored.add_done_callback(self._drop)  # the person is told that it is not known, and sends it again
            raise DatabaseAway("the database did not store a payload in time") from None
        set_current_work(work)
        return work is not None

    def run_later(self, show: Reply, work: Callable[[], MessageContent | None], *, repeatable: bool = False) -> None:
        """Queues the work of an acknowledged payload, and returns at once.

        `repeatable`: it takes several transactions; after a crash a second run completes them.
        """
        who, entry = current_actor(), current_work()
        if entry is not None:
            entry.handed_on, entry.repeatable = True, repeatable

        def admitted() -> MessageContent | None:
            if who is not None:
                check_belongs_if_known(self.directory, who.person)
            return work()

        self.ack_queue.submit(lambda: self._run_entry(entry, show, admitted, who))

    def _drop(self, stored: "Future[InboxWork | None]") -> None:
        work = None if stored.exception() else stored.result()
        if work is not None:
            self.inbox.finish(work)

    def _run_entry(
        self, entry: InboxWork | None, show: Reply, work: Callable[[], MessageContent | None], who: Actor | None
    ) -> None:
        """Runs the work and ends its entry in the inbox, unless it is to be tried again."""
        try:
            with working_on(entry):
                self.run_now(show, work, who, entry)
        finally:
            if entry is not None and not entry.postponed:
                self.inbox.finish(entry)

    def run_now(
        self,
        show: Reply,
        work: Callable[[], MessageContent | None],
        who: Actor | None,
        entry: InboxWork | None = None,
    ) -> None:
        """Runs the work in this thread. `who` is the actor that `current_actor` returned when the payload came.

        With an `entry`, the work is tried again after an unexpected error, and the person told when it fails for good.
        """
        try:
            content = work()
        except DoneElsewhere:
            return
        except Exception as error:  # noqa: BLE001 (whatever it is, a person waits for an answer)
            if isinstance(error, AccessError):
                self.record_refusal(error, who)
            elif not isinstance(error, Outage | Refusal) and entry is not None and self.inbox.retry(entry, error):
                return
            told = describe_error(error)
            # Nothing was done, and nothing else says so.
            if show(told) is False and entry is not None:
                self.inbox.answer_later(entry, f"About what you asked for: {told.text}")
            return
        if content is not None:
            show(content)

    def record_refusal(self, error: AccessError, who: Actor | None) -> None:
        """Audits a refusal."""
        if who is not None:
            self.refusals.record(who.person, who.action, error, who.request_id)


def describe_error(error: BaseException) -> MessageContent:
    """The message about an error, for the person who clicked. Logs everything but their own mistakes."""
    if isinstance(error, AccessError):
        return answers.refused(error)
    if isinstance(error, Outage | Refusal):
        log.warning("a click failed", error=str(error))
        return answers.unreachable(str(error))
    if isinstance(error, DatabaseAway):
        log.warning("a click failed", error=str(error))
        return answers.database_away()
    mark = secrets.token_hex(4)
    log.error("a bug: a click was left unanswered", mark=mark, exc_info=error)
    return answers.unexpected_error(mark)


def reply_privately(respond: Respond) -> Reply:
    """Replies in the place of the command or click, visible to that person alone."""

    def show(content: MessageContent) -> None:
        with _RESPONSES.passing():
            answer = respond(
                text=content.text, blocks=content.blocks, response_type="ephemeral", replace_original=False
            )
        if answer.status_code != HTTPStatus.OK:  # the SDK raises nothing
            raise Outage(f"Slack answered HTTP status {answer.status_code}")

    return _reported(show)


def reply_in_dm(client: WebClient, person: str, channel: str = "") -> Reply:
    """Replies in a direct message; if the app may send none, privately in the channel of the click."""

    def show(content: MessageContent) -> None:
        try:
            with domain_errors(client):
                client.chat_postMessage(channel=person, text=content.text, blocks=content.blocks)
        except Refusal:
            if not channel:
                raise
            told = answers.without_dm(content)
            with domain_errors(client):
                client.chat_postEphemeral(channel=channel, user=person, text=told.text, blocks=told.blocks)

    return _reported(show)


def reply_after_modal(client: WebClient, body: Body) -> Reply:
    """Replies in a direct message, or in the channel where the modal was opened: a submitted modal is closed."""
    return reply_in_dm(client, body["user"]["id"], channel_of(body))


def reply_in_modal(client: WebClient, modal: str) -> Reply:
    """Replies in an open modal."""

    def show(content: MessageContent) -> None:
        with domain_errors(client):
            client.views_update(view_id=modal, view=modal_forms.shown(content.blocks))

    return _reported(show)


def _reported(show: Callable[[MessageContent], None]) -> Reply:
    """A reply that logs that it could not be shown, in place of raising an error."""

    def reply(content: MessageContent) -> bool:
        shown: list[MessageContent] = []
        with log_failed_reply():
            show(content)
            shown.append(content)
        return bool(shown)

    return reply


def reply_to_command(body: Body, respond: Respond, client: WebClient) -> Reply:
    """Replies where the command was typed; in a direct message if that is not possible any more."""
    return reply_privately(respond) if body.get("response_url") else reply_in_dm(client, body["user_id"])


def reply_to_click(body: Body, respond: Respond, client: WebClient) -> Reply:
    """Replies where the click was; a click in the Home tab is answered in a direct message."""
    return reply_privately(respond) if body.get("response_url") else reply_in_dm(client, body["user"]["id"])


@contextmanager
def log_failed_reply() -> Iterator[None]:
    """Logs a reply that cannot be shown, and goes on: the work behind it is done and must not be undone."""
    try:
        yield
    except Exception as error:  # noqa: BLE001 (whatever it is, the work is done)
        log.warning("an answer could not be shown", error=f"{type(error).__name__}: {error}")
