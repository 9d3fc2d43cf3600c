"""The bot scopes that the application uses. `manifest.yml` asks Slack for these and no others.

The page of each Web API method names the scope that it needs.
"""

from collections.abc import Iterable

ALWAYS = {
    "commands": "the slash command and the buttons",
    "chat:write": "approval messages and credentials",
    "users:read": "who is active, a bot or a guest",
}
"""Scope → its purpose."""

FOR_EMAILS = "users:read.email"
FOR_GROUPS = "usergroups:read"

FOR_SOCKET_MODE = "connections:write"
"""A scope of the app-level token, not of the bot."""


def scope_of(owner: str) -> str:
    """The scope that resolving that owner needs."""
    if owner.startswith("@"):
        return FOR_GROUPS
    return FOR_EMAILS if "@" in owner else "users:read"


def needed_scopes(owners: Iterable[str]) -> dict[str, str]:
    """Every bot scope that is needed with these owners, and its purpose."""
    return ALWAYS | {scope_of(owner): f"the owner {owner}" for owner in owners if scope_of(owner) not in ALWAYS}


def add_scope(scope: str) -> str:
    """How to add a missing scope."""
    return (
        f"Your Slack app > OAuth & Permissions > Bot Token Scopes: add {scope} in OAuth & Permissions and reinstall"
        " the app."
    )
