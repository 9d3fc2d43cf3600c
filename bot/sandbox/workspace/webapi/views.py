"""Web API: views.*, and the effects of an acknowledged submission on a modal."""

from dataclasses import replace
from typing import Any

from bot.sandbox.workspace.blockkit.blocks import check_view
from bot.sandbox.workspace.errors import SlackError
from bot.sandbox.workspace.model import JsonObject, View
from bot.sandbox.workspace.state import State, Trigger
from bot.sandbox.workspace.webapi.chat import with_ids
from bot.sandbox.workspace.webapi.methods import method, required

# https://docs.slack.dev/interactivity/handling-user-interaction#modal_responses
TRIGGER_SECONDS = 3.0
# A root view and two on top: https://docs.slack.dev/surfaces/modals
STACK = 3


@method("views.open")
def views_open(state: State, args: JsonObject) -> JsonObject:
    trigger = _exchange(state, args)
    view = new_modal(state, trigger.user, args.get("view"))
    with state.changing():
        state.views[trigger.user] = [view]
    return {"ok": True, "view": view_json(state, view)}


@method("views.push")
def views_push(state: State, args: JsonObject) -> JsonObject:
    trigger = _exchange(state, args)
    if trigger.view is None:
        raise SlackError("invalid_arguments", ["the trigger was not born in a modal"])
    return {"ok": True, "view": view_json(state, push(state, trigger.user, args.get("view")))}


@method("views.update")
def views_update(state: State, args: JsonObject) -> JsonObject:
    view = _named(state, args)
    if view is None:
        raise SlackError("not_found")
    if args.get("hash") and args["hash"] != view.hash:
        raise SlackError("hash_conflict")
    return {"ok": True, "view": view_json(state, update(state, view, args.get("view")))}


@method("views.publish")
def views_publish(state: State, args: JsonObject) -> JsonObject:
    user = required(args, "user_id")
    if not state.manifest.home_tab:
        raise SlackError("not_enabled")
    if user not in state.users:
        raise SlackError("invalid_arguments", ["invalid `user_id`"])
    body = _body(state, args.get("view"), ("home",))
    held = state.homes.get(user)
    if args.get("hash") and held is not None and args["hash"] != held.hash:
        raise SlackError("hash_conflict")
    view_id = held.id if held is not None else state.new_id("V")
    view = state.put_view(View(view_id, user, _hash(state), body, view_id))
    return {"ok": True, "view": view_json(state, view)}


def new_modal(state: State, user: str, raw: Any, below: View | None = None) -> View:
    """A new modal for the user, on top of `below`."""
    body = _body(state, raw, ("modal",))
    external = body.get("external_id")
    held = [view.external_id for stack in state.views.values() for view in stack]
    if external and external in held:
        raise SlackError("duplicate_external_id")
    view_id = state.new_id("V")
    root, previous = (below.root_id, below.id) if below else (view_id, None)
    return View(view_id, user, _hash(state), body, root, previous)


def push(state: State, user: str, raw: Any) -> View:
    """Put a modal on top of the user's open ones."""
    with state.changing():
        stack = state.views.get(user, [])
        if not stack or len(stack) >= STACK:
            raise SlackError("push_limit_reached" if stack else "not_found")
        view = new_modal(state, user, raw, below=stack[-1])
        state.views[user] = [*stack, view]
        return view


def update(state: State, view: View, raw: Any) -> View:
    """Replace the content of a view; it keeps its id and loses its errors."""
    body = _body(state, raw, ("modal", "home"))
    return state.put_view(replace(view, body=body, hash=_hash(state), errors={}))


def apply_submission(state: State, view: View, answer: Any) -> None:
    """Apply the acknowledgement of a view_submission: close, errors, update, push or clear.

    SlackError when Slack would show "We had some trouble connecting".
    """
    action = answer.get("response_action") if isinstance(answer, dict) else None
    if action is None:
        return _close(state, view)
    if action == "clear":
        with state.changing():
            state.views[view.user] = []
    elif action == "errors":
        state.put_view(replace(view, errors=_errors(view, answer.get("errors"))))
    elif action == "update":
        update(state, view, answer.get("view"))
    elif action == "push":
        push(state, view.user, answer.get("view"))
    else:
        raise SlackError("invalid_arguments", [f"unknown response_action: {action}"])
    return None


def _close(state: State, view: View) -> None:
    with state.changing():
        state.views[view.user] = [held for held in state.views.get(view.user, []) if held.id != view.id]


def _errors(view: View, raw: Any) -> dict[str, str]:
    inputs = {block["block_id"] for block in view.blocks if block["type"] == "input"}
    if not isinstance(raw, dict) or not raw or not set(raw) <= inputs:
        raise SlackError("invalid_arguments", ["errors must name input blocks of the view"])
    return {str(block): str(text) for block, text in raw.items()}


def _body(state: State, raw: Any, kinds: tuple[str, ...]) -> JsonObject:
    body = check_view(raw, kinds)
    return {**body, "blocks": list(with_ids(state, body["blocks"]))}


def _hash(state: State) -> str:
    return state.new_ts()


def _exchange(state: State, args: JsonObject) -> Trigger:
    with state.lock:
        trigger = state.triggers.get(str(args.get("trigger_id", "")))
        if trigger is None:
            raise SlackError("invalid_arguments", ["invalid `trigger_id`"])
        if trigger.used:
            raise SlackError("exchanged_trigger_id")
        if state.clock() - trigger.at > TRIGGER_SECONDS:
            raise SlackError("expired_trigger_id")
        # A refused view does not use up the trigger.
        check_view(args.get("view"), ("modal",))
        trigger.used = True
        return trigger


def _named(state: State, args: JsonObject) -> View | None:
    if args.get("view_id"):
        return state.find_view(str(args["view_id"]))
    external = required(args, "external_id")
    return next((v for stack in state.views.values() for v in stack if v.external_id == external), None)


def view_json(state: State, view: View) -> JsonObject:
    """A view in the format of the Web API and interactive payloads."""
    defaults: JsonObject = {"private_metadata": "", "callback_id": "", "external_id": ""}
    if view.type == "modal":
        defaults |= {"submit": None, "close": None, "clear_on_close": False, "notify_on_close": False}
    return {
        **defaults,
        **view.body,
        "id": view.id,
        "team_id": state.team_id,
        "app_id": state.app_id,
        "app_installed_team_id": state.team_id,
        "bot_id": state.bot_id,
        "hash": view.hash,
        "root_view_id": view.root_id,
        "previous_view_id": view.previous_id,
        "state": {"values": view.values},
    }
