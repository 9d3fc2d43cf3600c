"""Requests as they were typed or filled in, read and checked by themselves."""

from collections.abc import Callable
from dataclasses import dataclass, replace

from bot.access.durations import LONGEST, parse_duration
from bot.access.errors import AccessError, Part, about
from bot.access.models.requests import CredentialKind
from bot.access.policy.model import Policy
from bot.access.policy.patterns import parse_patterns
from bot.access.policy.reasons import checked_reason
from bot.access.requests.routing import Wish


@dataclass(frozen=True)
class Draft:
    """A request as it was typed. An empty duration, and no kind, stand for the flow's default.

    `for_whom` is somebody else, as typed. `again` files it though its requester has the same already. `break_glass`
    asks under a break-glass flow.
    """

    patterns: str
    duration: str
    permission: str = "read"
    reason: str = ""
    integration: str | None = None
    kind: CredentialKind | None = None
    for_whom: str = ""
    again: bool = False
    break_glass: bool = False

    @property
    def only_typed(self) -> bool:
        """Whether the form has no place for it."""
        return bool(self.for_whom)


def read_draft(policy: Policy, requester: str, draft: Draft) -> Wish:
    """What the draft asks for. Raises `InvalidRequest` for the first thing that is wrong with it by itself."""
    with about(Part.CLUSTER):
        integration = policy.integration(draft.integration)
    with about(Part.PATTERNS):
        patterns = parse_patterns(draft.patterns)
    with about(Part.PERMISSION):
        permission = policy.permission(draft.permission)
    with about(Part.DURATION):
        # What is too long for this person and pattern is the flow's to say; this is against a slip of the key.
        duration = parse_duration(draft.duration, policy.longest or LONGEST) if draft.duration else None
    with about(Part.REASON):
        reason = checked_reason(draft.reason)
    wish = Wish(requester, integration, patterns, permission, duration, reason, draft.kind)
    return replace(wish, break_glass=draft.break_glass)


def problems(policy: Policy, draft: Draft) -> dict[Part, AccessError]:
    """All that is wrong with a draft by itself, by what it is about."""
    checks: dict[Part, Callable[[], object]] = {
        Part.CLUSTER: lambda: policy.integration(draft.integration),
        Part.PATTERNS: lambda: parse_patterns(draft.patterns),
        Part.PERMISSION: lambda: policy.permission(draft.permission),
        Part.DURATION: lambda: draft.duration and parse_duration(draft.duration, policy.longest or LONGEST),
        Part.REASON: lambda: checked_reason(draft.reason),
    }
    found: dict[Part, AccessError] = {}
    for part, check in checks.items():
        try:
            check()
        except AccessError as error:
            found[part] = error
    return found
