"""The bot scopes that the application uses. `manifest.yml` asks Slack for the same ones, and for no more than it needs.

Each is named on the page of the Web API method that needs it.
"""

from collections.abc import Iterable

ALWAYS = {
    "commands": "the slash command and the buttons",
    "chat:write": "approval messages and credentials",
    "users:read": "who is active, a bot or a guest",
}
"""Scope → what it is for."""

FOR_EMAILS = "users:read.email"
FOR_GROUPS = "usergroups:read"

FOR_SOCKET_MODE = "connections:write"
"""Of the app-level token, not of the bot."""


def scope_of(owner: str) -> str:
    """The scope without which nobody can be found behind that owner."""
    if owner.startswith("@"):
        return FOR_GROUPS
    return FOR_EMAILS if "@" in owner else "users:read"


def needed(owners: Iterable[str]) -> dict[str, str]:
    """Every bot scope that these owners make necessary, with what it is for."""
    return ALWAYS | {scope_of(owner): f"the owner {owner}" for owner in owners if scope_of(owner) not in ALWAYS}


def add_scope(scope: str) -> str:
    """What to do when it is missing."""
    return (
        f"Your Slack app > OAuth & Permissions > Bot Token Scopes: add {scope} in OAuth & Permissions and reinstall"
        " the app."
    )
