"""Opening windows. Slack lets an application open one within three seconds of a click, and once."""

from dataclasses import dataclass
from typing import Any

from slack_sdk import WebClient
from slack_sdk.models.views import View

from bot.access.errors import Conflict, Refusal
from bot.slack.errors import domain_errors

_TOO_LATE = frozenset(
    {"expired_trigger_id", "exchanged_trigger_id", "invalid_trigger_id", "trigger_expired", "trigger_exchanged"}
)
"""Slack's codes for a `trigger_id` that is expired, used or unknown (https://docs.slack.dev/reference/methods)."""

AGAIN = "Please do that again."


@dataclass(frozen=True)
class Modal:
    """A window that stands open. `hash` is of what it shows: an update that names it overwrites nothing newer.

    `metadata` is kept with it by Slack, and has to be sent with every update.
    """

    id: str
    hash: str
    metadata: str


def open_modal(client: WebClient, body: dict[str, Any], view: View, instead: str = AGAIN) -> Modal:
    """Opens the window.

    Raises `Conflict` when Slack says that it is too late, with what to do `instead`, a command where there is one;
    otherwise `Outage`, `Refusal`.
    """
    view.private_metadata = f"{view.private_metadata or ''} {_clicked_in(body)}".rstrip()
    try:
        with domain_errors():
            answer = client.views_open(trigger_id=body["trigger_id"], view=view)
    except Refusal as error:
        if error.code in _TOO_LATE:
            why = "It took too long, so Slack did not open the window."
            raise Conflict(f"{why} Type it instead." if instead.startswith("/") else why, instead) from None
        raise
    return Modal(str(answer["view"]["id"]), str(answer["view"]["hash"]), view.private_metadata)


def modal_of(view: dict[str, Any]) -> Modal:
    """The window of a payload that was sent from it."""
    return Modal(str(view["id"]), str(view["hash"]), str(view.get("private_metadata") or ""))


def subject_of(body: dict[str, Any]) -> str:
    """What a window that was sent is about, as it was opened with."""
    return str(body["view"]["private_metadata"]).partition(" ")[0]


def channel_of(body: dict[str, Any]) -> str:
    """The channel of the click or command that opened the window that was sent; empty where there was none."""
    return str(body["view"].get("private_metadata") or "").partition(" ")[2]


def _clicked_in(body: dict[str, Any]) -> str:
    return str((body.get("channel") or {}).get("id") or body.get("channel_id") or "")
