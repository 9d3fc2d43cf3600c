"""Web API: users.*, usergroups.*, conversations.open."""

import base64
import binascii

from bot.sandbox.workspace.errors import SlackError
from bot.sandbox.workspace.model import Channel, Group, JsonObject, User
from bot.sandbox.workspace.state import State
from bot.sandbox.workspace.webapi.methods import method, required, truthy

# Largest page of users.list: https://docs.slack.dev/reference/methods/users.list
PAGE = 1000


@method("auth.test")
def auth_test(state: State, _args: JsonObject) -> JsonObject:
    return {
        "ok": True,
        "url": "https://sandbox.slack.com/",
        "team": "Sandbox",
        "user": state.users[state.bot_user_id].name,
        "team_id": state.organisation if state.org_wide else state.team_id,
        "user_id": state.bot_user_id,
        "bot_id": state.bot_id,
        **({"enterprise_id": state.organisation} if state.organisation else {}),
        "is_enterprise_install": state.org_wide,
    }


@method("users.info", scope="users:read")
def users_info(state: State, args: JsonObject) -> JsonObject:
    user = state.users.get(str(args.get("user", "")))
    if user is None:
        raise SlackError("user_not_found")
    return {"ok": True, "user": user_json(state, user)}


@method("users.lookupByEmail", scope="users:read.email")
def users_lookup_by_email(state: State, args: JsonObject) -> JsonObject:
    """A deactivated user is not found: https://docs.slack.dev/reference/methods/users.lookupByEmail."""
    email = required(args, "email").lower()
    for user in state.users.values():
        if user.email.lower() == email and not user.deleted:
            return {"ok": True, "user": user_json(state, user)}
    raise SlackError("users_not_found")


@method("users.list", scope="users:read")
def users_list(state: State, args: JsonObject) -> JsonObject:
    limit = str(args.get("limit", PAGE))
    if not limit.isdigit() or int(limit) > PAGE:
        raise SlackError("invalid_limit")
    start, people = _offset(args), list(state.users.values())
    end = start + (int(limit) or PAGE)
    cursor = base64.b64encode(f"user:{end}".encode()).decode() if end < len(people) else ""
    members = [user_json(state, user) for user in people[start:end]]
    return {"ok": True, "members": members, "response_metadata": {"next_cursor": cursor}}


def _offset(args: JsonObject) -> int:
    cursor = str(args.get("cursor", ""))
    try:
        return int(base64.b64decode(cursor).decode().removeprefix("user:")) if cursor else 0
    except (binascii.Error, ValueError):
        raise SlackError("invalid_cursor") from None


def user_json(state: State, user: User) -> JsonObject:
    """A user as Slack returns it; with the e-mail only if the app has `users:read.email`."""
    profile: JsonObject = {"real_name": user.real_name, "display_name": user.name}
    if "users:read.email" in state.scopes and user.email:
        profile["email"] = user.email
    found: JsonObject = {
        "id": user.id,
        "team_id": user.team or state.team_id,
        "name": user.name,
        "deleted": user.deleted,
        "profile": profile,
        "is_bot": user.is_bot,
        "is_app_user": False,
    }
    if not user.deleted:
        found |= {"real_name": user.real_name, "tz": user.tz, "is_admin": False, "is_restricted": user.is_guest}
    if organisation := state.organisation_of(user):
        found["enterprise_user"] = {
            "id": user.id,
            "enterprise_id": organisation,
            "enterprise_name": organisation.title(),
            "is_admin": False,
            "is_owner": False,
            "teams": [user.team or state.team_id],
        }
    if _is_stranger(state, user):
        found["is_stranger"] = True
    return found


def _is_stranger(state: State, user: User) -> bool:
    """Of another workspace, and in no channel with the app (https://docs.slack.dev/reference/objects/user-object).

    So somebody of another organisation in a shared channel is no stranger to Slack, and a colleague may be one.
    """
    pair = {user.id, state.bot_user_id}
    return bool(user.team) and not any(pair <= each.members for each in state.channels.values() if not each.is_im)


@method("usergroups.list", scope="usergroups:read")
def usergroups_list(state: State, args: JsonObject) -> JsonObject:
    _require_paid_plan(state)
    with_users, with_deleted = truthy(args, "include_users"), truthy(args, "include_disabled")
    groups = [group for group in state.groups.values() if with_deleted or not group.deleted]
    return {"ok": True, "usergroups": [_group_json(state, group, with_users=with_users) for group in groups]}


@method("usergroups.users.list", scope="usergroups:read")
def usergroups_users_list(state: State, args: JsonObject) -> JsonObject:
    _require_paid_plan(state)
    group = state.groups.get(required(args, "usergroup"))
    if group is None or (group.deleted and not truthy(args, "include_disabled")):
        raise SlackError("no_such_subteam")
    return {"ok": True, "users": list(group.members)}


def _require_paid_plan(state: State) -> None:
    if not state.paid_plan:
        raise SlackError("plan_upgrade_required")


def _group_json(state: State, group: Group, *, with_users: bool) -> JsonObject:
    found: JsonObject = {
        "id": group.id,
        "team_id": state.team_id,
        "is_usergroup": True,
        "name": group.handle,
        "handle": group.handle,
        "description": "",
        "date_delete": 1 if group.deleted else 0,
        "user_count": len(group.members),
    }
    return found | ({"users": list(group.members)} if with_users else {})


@method("conversations.open", scope="im:write")
def conversations_open(state: State, args: JsonObject) -> JsonObject:
    if args.get("channel"):
        known = state.channels.get(str(args["channel"]))
        if known is None:
            raise SlackError("channel_not_found")
        return _opened(known, args, already=True)
    names = args.get("users") or ""
    ids = [str(name).strip() for name in (names if isinstance(names, list) else str(names).split(","))]
    if ids == [""]:
        raise SlackError("users_list_not_supplied")
    if len(ids) > 1:
        raise SlackError("missing_scope", needed="mpim:write", provided=",".join(sorted(state.scopes)))
    require_reachable(state, ids[0])
    already = state.find_direct_message(ids[0]) is not None
    return _opened(state.direct_message(ids[0]), args, already=already)


def _opened(channel: Channel, args: JsonObject, *, already: bool) -> JsonObject:
    full: JsonObject = {"id": channel.id, "is_im": channel.is_im, "user": channel.user, "is_open": True}
    answer: JsonObject = {"ok": True, "channel": full if truthy(args, "return_im") else {"id": channel.id}}
    return answer | ({"no_op": True, "already_open": True} if already else {})


def require_reachable(state: State, user_id: str) -> User:
    """The user, if the app may write to them; otherwise SlackError with the reason."""
    user = state.users.get(user_id)
    if user is None:
        raise SlackError("user_not_found")
    if user.is_bot:
        raise SlackError("cannot_dm_bot")
    if user.deleted:
        raise SlackError("user_disabled")
    return user
