"""What every listener needs: reading a payload, answering the person, and saying what went wrong."""

import secrets
from collections.abc import Callable, Sequence
from typing import Any, Protocol

import structlog
from slack_bolt import Ack, Respond
from slack_sdk import WebClient
from slack_sdk.models.views import View

from bot.access.errors import AccessError, Outage, Refusal
from bot.access.ids import read_id
from bot.slack import answers, views
from bot.slack.content import Content
from bot.slack.errors import domain_errors

log = structlog.get_logger(__name__)

_NO_ID = "(none)"
"""Stands for the id of a button that carries none: the domain knows no such request, and says so."""

Body = dict[str, Any]


class Answer(Protocol):
    """Shows something to the person who typed or clicked, and to nobody else."""

    def __call__(self, content: Content) -> object: ...


def answering(show: Answer, work: Callable[[], Content | None]) -> None:
    """Runs `work` and shows what comes of it, whatever that is."""
    try:
        content = work()
    except AccessError as error:
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


def accepted(ack: Ack, checks: dict[str, Callable[[], object]]) -> bool:
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


def privately(respond: Respond) -> Answer:
    """Beside the message or command, for its reader alone."""

    def show(content: Content) -> None:
        with logged():
            respond(text=content.text, blocks=content.blocks, response_type="ephemeral", replace_original=False)

    return show


def in_dm(client: WebClient, person: str, channel: str = "") -> Answer:
    """In a direct message; where that is closed to the app, for that person alone in the channel of the click."""

    def show(content: Content) -> None:
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


def in_window(client: WebClient, window: str) -> Answer:
    """In the window that is open."""

    def show(content: Content) -> None:
        with logged(), domain_errors():
            client.views_update(view_id=window, view=views.shown(content.blocks))

    return show


class logged:  # noqa: N801 (used as a statement)
    """An answer that cannot be shown is logged: what it is about has happened, and must not be undone."""

    def __enter__(self) -> None:
        return None

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> bool:
        if isinstance(error, Exception):
            log.warning("an answer could not be shown", error=f"{type(error).__name__}: {error}")
            return True
        return False


def open_view(client: WebClient, body: Body, view: View) -> str:
    """Opens the window, and returns its id. Raises `Outage`, `Refusal`."""
    with domain_errors():
        answer = client.views_open(trigger_id=body["trigger_id"], view=view)
    return str(answer["view"]["id"])


def id_of(body: Body) -> str:
    """The request id that a button carries."""
    return read_id(str(body["actions"][0].get("value") or "")) or _NO_ID


def value_of(body: Body, name: str) -> str:
    """What was typed into a field."""
    return _field(body, name).get("value") or ""


def chosen_option(body: Body, name: str) -> str | None:
    """What was chosen of several."""
    option = _field(body, name).get("selected_option") or {}
    return option.get("value")


def chosen_options(body: Body, name: str) -> Sequence[str]:
    """All that was chosen."""
    return [str(option.get("value") or "") for option in _field(body, name).get("selected_options") or ()]


def nothing(_result: object) -> None:
    """The message that was clicked says what came of it by itself."""
    return


def _field(body: Body, name: str) -> dict[str, Any]:
    found: dict[str, Any] = body["view"]["state"]["values"].get(name, {}).get(name) or {}
    return found
