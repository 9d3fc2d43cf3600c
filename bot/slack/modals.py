"""Opens modals. Slack allows one modal for each click, within three seconds of it."""

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
    """An open modal. An update with the `hash` of its present content overwrites nothing newer.

    Slack keeps `metadata` with it and needs it with every update.
    """

    id: str
    hash: str
    metadata: str


def open_modal(client: WebClient, body: dict[str, Any], view: View, instead: str = AGAIN) -> Modal:
    """Opens the modal.

    Raises `Conflict` if Slack says that it is too late, with the advice in `instead`, such as a command to type;
    otherwise `Outage`, `Refusal`.
    """
    view.private_metadata = f"{view.private_metadata or ''} {_clicked_in(body)}".rstrip()
    try:
        with domain_errors(client):
            answer = client.views_open(trigger_id=body["trigger_id"], view=view)
    except Refusal as error:
        if error.code in _TOO_LATE:
            why = "It took too long, so Slack did not open the window."
            raise Conflict(f"{why} Type it instead." if instead.startswith("/") else why, instead) from None
        raise
    return Modal(str(answer["view"]["id"]), str(answer["view"]["hash"]), view.private_metadata)


def modal_of(view: dict[str, Any]) -> Modal:
    """The modal that a payload was sent from."""
    return Modal(str(view["id"]), str(view["hash"]), str(view.get("private_metadata") or ""))


def subject_of(body: dict[str, Any]) -> str:
    """The id of the request or grant that the submitted modal was opened for."""
    return str(body["view"]["private_metadata"]).partition(" ")[0]


def channel_of(body: dict[str, Any]) -> str:
    """The channel of the click or command that opened the submitted modal; empty if there was none."""
    return str(body["view"].get("private_metadata") or "").partition(" ")[2]


def _clicked_in(body: dict[str, Any]) -> str:
    return str((body.get("channel") or {}).get("id") or body.get("channel_id") or "")
