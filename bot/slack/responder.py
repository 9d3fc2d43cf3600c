"""Showing what comes of a click or a command to the person it was, and to nobody else."""

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import structlog
from slack_bolt import Respond
from slack_sdk import WebClient

from bot.access.audit.refusals import Refusals
from bot.access.errors import AccessError, DatabaseAway, Outage, Refusal
from bot.access.ports import Directory
from bot.access.requests.membership import check_belongs_if_known
from bot.slack.ack_queue import AckQueue
from bot.slack.blocks import answers
from bot.slack.blocks import modals as views
from bot.slack.blocks.content import MessageContent
from bot.slack.errors import domain_errors
from bot.slack.middleware import Actor, acting
from bot.slack.modals import opened_in

log = structlog.get_logger(__name__)

Body = dict[str, Any]


class Answer(Protocol):
    """Shows something to the person who typed or clicked."""

    def __call__(self, content: MessageContent) -> object: ...


@dataclass(frozen=True)
class Responder:
    """Does what was typed or clicked after it was acknowledged, and shows what comes of it, whatever that is.

    Whoever does not belong here is refused, and every refusal is kept in the audit.
    """

    ack_queue: AckQueue
    directory: Directory
    refusals: Refusals

    def later(self, show: Answer, work: Callable[[], MessageContent | None]) -> None:
        """Takes the work of a payload that is acknowledged, and returns at once."""
        who = acting()

        def admitted() -> MessageContent | None:
            if who is not None:
                check_belongs_if_known(self.directory, who.person)
            return work()

        self.ack_queue.do(lambda: self.now(show, admitted, who))

    def now(self, show: Answer, work: Callable[[], MessageContent | None], who: Actor | None) -> None:
        """Does it in this thread. `who` is whose payload it is, as `acting` said when it came."""
        try:
            content = work()
        except AccessError as error:
            self.refused(error, who)
            content = trouble(error)
        except Exception as error:  # noqa: BLE001 (whatever it is, somebody waits for an answer)
            content = trouble(error)
        if content is not None:
            show(content)

    def refused(self, error: AccessError, who: Actor | None) -> None:
        """Keeps a refusal in the audit."""
        if who is not None:
            self.refusals.record(who.person, who.what, error, who.request_id)


def trouble(error: BaseException) -> MessageContent:
    """What a person is told of an error. A bug is logged here."""
    if isinstance(error, AccessError):
        return answers.refused(error)
    if isinstance(error, Outage | Refusal):
        log.warning("a click came to nothing", error=str(error))
        return answers.unreachable(str(error))
    if isinstance(error, DatabaseAway):
        log.warning("a click came to nothing", error=str(error))
        return answers.forgetful()
    mark = secrets.token_hex(4)
    log.error("a bug: a click was left unanswered", mark=mark, exc_info=error)
    return answers.unforeseen(mark)


def privately(respond: Respond) -> Answer:
    """Where it was typed or clicked."""

    def show(content: MessageContent) -> None:
        with logged():
            respond(text=content.text, blocks=content.blocks, response_type="ephemeral", replace_original=False)

    return show


def in_dm(client: WebClient, person: str, channel: str = "") -> Answer:
    """In a direct message; where that is closed to the app, for that person alone in the channel of the click."""

    def show(content: MessageContent) -> None:
        with logged():
            try:
                with domain_errors():
                    client.chat_postMessage(channel=person, text=content.text, blocks=content.blocks)
            except Refusal:
                if not channel:
                    raise
                told = answers.without_dm(content)
                with domain_errors():
                    client.chat_postEphemeral(channel=channel, user=person, text=told.text, blocks=told.blocks)

    return show


def after_window(client: WebClient, body: Body) -> Answer:
    """In a direct message, or where the window was opened from: a window that was sent has no place of its own."""
    return in_dm(client, body["user"]["id"], opened_in(body))


def in_window(client: WebClient, window: str) -> Answer:
    """In a window that is open."""

    def show(content: MessageContent) -> None:
        with logged(), domain_errors():
            client.views_update(view_id=window, view=views.shown(content.blocks))

    return show


def reply(body: Body, respond: Respond, client: WebClient) -> Answer:
    """Where it was clicked; a click in the Home tab has no place of its own to answer in."""
    return privately(respond) if body.get("response_url") else in_dm(client, body["user"]["id"])


class logged:  # noqa: N801 (used as a statement)
    """An answer that cannot be shown is logged: what it is about has happened, and must not be undone."""

    def __enter__(self) -> None:
        return None

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> bool:
        if isinstance(error, Exception):
            log.warning("an answer could not be shown", error=f"{type(error).__name__}: {error}")
            return True
        return False
