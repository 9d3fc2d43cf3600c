"""The risks of an approval: privileges besides indices, and requests that outlive the access."""

from collections.abc import Mapping
from typing import Any

from bot.access.models.columns import CredentialKind
from bot.access.models.limits import Limits
from bot.access.policy.model import Permission
from bot.slack.blocks.rich_text import Bold, Code, Line, TextPart, codes

_LONGEST_NAME = 80
"""Characters of the name of a user."""

OPEN_REQUESTS: tuple[TextPart, ...] = (
    "It does not stop a request that is still open: a ", Code("_bulk"), " is stored as long as it is sent.",
)  # fmt: skip
"""What the end of an API key does not stop (measured on 9.5.3 and 8.19.21)."""


_WATCHES: Line = (
    "It also shows the state of the cluster (", Code("monitor"), "): health, licence, settings, names and fields of ",
    "all indices, and running searches. No documents.",
)  # fmt: skip
"""What the cluster privilege `monitor` shows (measured on 9.5.3 and 8.19.21)."""


_MAY_SHOW_MORE: Line = (
    "The requester's own account may see more than this part of the data, if another role of it shows more.",
)
"""Elasticsearch joins the limits of all roles of an account (measured on 9.5.3 and 8.19.21)."""


def risks(privileges: Mapping[str, Any] | None, kind: CredentialKind) -> list[Line]:
    """The risks of a role and a kind of credential, in words; empty if there are none."""
    held = privileges or {}
    lifted = kind is CredentialKind.OWN_ACCOUNT and bool(Limits.restored(held))
    return [
        *_dangers(held),
        *([_WATCHES] if held.get("monitor") else []),
        *([_MAY_SHOW_MORE] if lifted else []),
        *_left_open(held, kind),
    ]


def goes_on(privileges: Mapping[str, Any] | None, kind: CredentialKind) -> bool:
    """Whether a request that changes data goes on when access with these privileges ends."""
    return bool(privileges) and Permission.restored("", privileges or {}).goes_on_after(kind)


def _dangers(privileges: Mapping[str, Any]) -> list[Line]:
    held: list[tuple[TextPart, ...]] = []
    if cluster := privileges.get("cluster"):
        held.append(("holds the cluster privileges ", *codes(cluster)))
    if run_as := privileges.get("run_as"):
        held.append(("may act as the users ", *codes(each[:_LONGEST_NAME] for each in run_as)))
    if privileges.get("restricted_indices"):
        held.append(("covers system indices",))
    if not held:
        return []
    parts: list[TextPart] = [Bold("Dangerous: "), "besides indices this role "]
    for place, each in enumerate(held):
        parts += [*(["; "] if place else []), *each]
    return [(*parts, ". What is made with it is not taken away at the end.")]


def _left_open(privileges: Mapping[str, Any], kind: CredentialKind) -> list[Line]:
    return [(Bold("The end of an API key: "), *OPEN_REQUESTS)] if goes_on(privileges, kind) else []
