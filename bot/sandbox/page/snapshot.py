"""The page's data as JSON in named parts: the workspace, each person's view of it, and the traffic.

A browser receives only the changed parts. The names: `workspace`, `person:ID`, `traffic:ID`, `cluster`.
"""

from collections.abc import Iterator

from bot.sandbox.page.try_button import curl_line
from bot.sandbox.stage import Stage
from bot.sandbox.workspace import Call, PayloadDelivery, SlackMessage, User, View, Workspace
from bot.sandbox.workspace.model import JsonObject

SHOWN_MESSAGES = 300
"""Newest messages sent for one conversation: a browser draws these quickly, and nobody scrolls further back."""

SHOWN_TRAFFIC = 80
"""Newest exchanges sent."""


def parts(stage: Stage, people: list[User]) -> Iterator[tuple[str, JsonObject]]:
    """All parts except the cluster, which is slow and read elsewhere."""
    yield "workspace", workspace(stage)
    for person in people:
        yield f"person:{person.id}", person_view(stage.workspace, person)
    yield from traffic(stage.workspace)


def workspace(stage: Stage) -> JsonObject:
    """The part that is the same for everybody."""
    held, manifest = stage.workspace, stage.workspace.manifest
    return {
        "people": [{"id": one.id, "name": one.name, "real_name": one.real_name, "tz": one.tz} for one in held.people],
        "names": held.names,
        "app": {"id": held.bot_user_id, "name": manifest.bot_name, "connections": held.connections},
        "commands": [{"name": name, "hint": manifest.usage.get(name, "")} for name in sorted(manifest.commands)],
        "shortcuts": [
            {"name": one.name, "callback_id": one.callback_id, "kind": one.kind} for one in manifest.shortcuts
        ],
        "home_tab": manifest.home_tab,
        "can_write": not manifest.messages_read_only,
        "moved_seconds": stage.app.moved,
        "node": {"version": stage.node.version, "url": stage.node.url},
    }


def person_view(held: Workspace, person: User) -> JsonObject:
    """One person's view: conversations with messages, modals, the Home tab, and Slack's own notices."""
    held.direct_message(person)
    private = held.ephemerals(person)
    home = held.home(person)
    return {
        "conversations": [
            {
                "id": channel.id,
                "name": channel.name,
                "is_im": channel.is_im,
                "messages": [
                    message(one)
                    for one in sorted(
                        [*held.messages(channel), *(one for one in private if one.channel == channel.id)],
                        key=lambda one: one.ts,
                    )[-SHOWN_MESSAGES:]
                ],
            }
            for channel in sorted(held.conversations(person), key=lambda one: (not one.is_im, one.name))
        ],
        "views": [view(one) for one in held.views(person)],
        "home": None if home is None else view(home),
        "notices": held.notices(person),
    }


def message(shown: SlackMessage) -> JsonObject:
    """A message with the page's extra fields; `tryable` if it delivered a credential."""
    return {
        "ts": shown.ts,
        "author": shown.author,
        "text": shown.text,
        "blocks": list(shown.blocks),
        "thread_ts": shown.thread_ts,
        "edited": shown.edited is not None,
        "private": shown.is_ephemeral,
        "tryable": curl_line(shown) is not None,
    }


def view(shown: View) -> JsonObject:
    """A modal or Home tab, with its errors and current values."""
    return {"id": shown.id, "hash": shown.hash, "errors": shown.errors, "values": shown.values, **shown.body}


def traffic(held: Workspace) -> Iterator[tuple[str, JsonObject]]:
    """The newest exchanges, each with its own id: deliveries to the app (`to_app`) and the app's calls."""
    calls = [each for each in held.traffic if not _is_check(each)]
    both: list[PayloadDelivery | Call] = [*held.deliveries[-SHOWN_TRAFFIC:], *calls[-SHOWN_TRAFFIC:]]
    for one in sorted(both, key=lambda each: each.started)[-SHOWN_TRAFFIC:]:
        # The workspace keeps each object longer than it is shown here, so its id is not reused meanwhile.
        yield f"traffic:{id(one):x}", _delivery(one) if isinstance(one, PayloadDelivery) else _call(one)


def _is_check(one: Call) -> bool:
    """Whether the call only looks whether Slack answers, as the application does every ten seconds."""
    return one.method == "auth.test" and one.status == 200 and (one.answer or {}).get("ok") is True


def _delivery(one: PayloadDelivery) -> JsonObject:
    payload = one.payload
    name = payload.get("command") or payload.get("event", {}).get("type") or payload.get("type", "")
    milliseconds = None if one.ack_seconds is None else round(one.ack_seconds * 1000, 1)
    return {
        "at": one.started,
        "to_app": True,
        "name": name,
        "kind": one.kind,
        "milliseconds": milliseconds,
        "error": one.error,
        "payload": payload,
        "answer": one.ack_body,
    }


def _call(one: Call) -> JsonObject:
    answer = one.answer or {}
    refused = None if answer.get("ok", True) else str(answer.get("error"))
    return {
        "at": one.started,
        "to_app": False,
        "name": one.method,
        "kind": "Web API",
        "milliseconds": round(one.seconds * 1000, 1),
        "error": refused or (None if one.status == 200 else f"HTTP {one.status}"),
        "payload": one.payload,
        "answer": one.answer,
    }
