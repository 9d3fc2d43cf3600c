"""Requests as they were typed or filled in, read and checked by themselves."""

from collections.abc import Callable
from dataclasses import dataclass, replace

from bot.access.durations import LONGEST, parse_duration
from bot.access.errors import AccessError, RequestField, about
from bot.access.models.columns import CredentialKind
from bot.access.policy.model import Policy
from bot.access.policy.patterns import parse_patterns
from bot.access.policy.reasons import checked_reason
from bot.access.requests.routing import ParsedRequest


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


def read_draft(policy: Policy, requester: str, draft: Draft) -> ParsedRequest:
    """What the draft asks for. Raises `InvalidRequest` for the first thing that is wrong with it by itself."""
    with about(RequestField.CLUSTER):
        integration = policy.integration(draft.integration)
    with about(RequestField.PATTERNS):
        patterns = parse_patterns(draft.patterns)
    with about(RequestField.PERMISSION):
        permission = policy.permission(draft.permission)
    with about(RequestField.DURATION):
        # What is too long for this person and pattern is the flow's to say; this is against a slip of the key.
        duration = parse_duration(draft.duration, policy.longest or LONGEST) if draft.duration else None
    with about(RequestField.REASON):
        reason = checked_reason(draft.reason)
    parsed = ParsedRequest(requester, integration, patterns, permission, duration, reason, draft.kind)
    return replace(parsed, break_glass=draft.break_glass)


def problems(policy: Policy, draft: Draft) -> dict[RequestField, AccessError]:
    """All that is wrong with a draft by itself, by what it is about."""
    checks: dict[RequestField, Callable[[], object]] = {
        RequestField.CLUSTER: lambda: policy.integration(draft.integration),
        RequestField.PATTERNS: lambda: parse_patterns(draft.patterns),
        RequestField.PERMISSION: lambda: policy.permission(draft.permission),
        RequestField.DURATION: lambda: draft.duration and parse_duration(draft.duration, policy.longest or LONGEST),
        RequestField.REASON: lambda: checked_reason(draft.reason),
    }
    found: dict[RequestField, AccessError] = {}
    for part, check in checks.items():
        try:
            check()
        except AccessError as error:
            found[part] = error
    return found
