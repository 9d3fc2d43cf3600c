"""Requests before routing: drafts as typed, and parsed requests, which are valid by themselves."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from bot.access.durations import COMMAND, LONGEST, format_duration, parse_duration
from bot.access.errors import AccessError, InvalidRequest, RequestField, about
from bot.access.models.columns import CredentialKind
from bot.access.models.limits import Limits
from bot.access.models.requests import AccessRequest
from bot.access.policy.access_flow import AccessFlow
from bot.access.policy.limits.combination import combined
from bot.access.policy.model import Integration, Permission, Policy
from bot.access.policy.names.evaluation import check_evaluable
from bot.access.policy.names.selectors import FAILURES, failure_store_part, is_failure_store, without_selectors
from bot.access.policy.patterns import check_patterns, parse_patterns
from bot.access.policy.reasons import accepts_reason, checked_reason, example_reason

_USUAL = timedelta(hours=1)
"""The duration of an example."""


@dataclass(frozen=True)
class Draft:
    """A request as typed. An empty duration and a `kind` of `None` mean the flow's default.

    `for_whom` names another person, as typed. `again` files the request even if its requester already has the same
    access. `break_glass` asks under a break-glass flow.
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
        """Whether the form has no field for a part of it."""
        return bool(self.for_whom)


@dataclass(frozen=True)
class ParsedRequest:
    """A request that is valid by itself. Neither the policy's flows nor the cluster have been consulted.

    A `duration` or `kind` of `None` means the flow's default. `extension`: the request extends a grant. `asked_by` is
    the person who files it for somebody else, `first_asked_by` the one who so filed the request that it extends.
    `first_flow` is the access flow under which somebody approved the latter.
    `break_glass`: it is approved at once, under a break-glass flow. `filed_at` is set if it was filed before, and
    `resolved` if its role holds these names instead of the patterns. Its role leaves out names under `excluded`.
    `names_cluster`: the cluster was named, as an example has to.
    """

    requester: str
    integration: Integration
    patterns: tuple[str, ...]
    permission: Permission
    duration: timedelta | None
    reason: str
    kind: CredentialKind | None = None
    extension: bool = False
    asked_by: str | None = None
    first_asked_by: str | None = None
    first_flow: str | None = None
    break_glass: bool = False
    filed_at: datetime | None = None
    resolved: tuple[str, ...] | None = None
    excluded: tuple[str, ...] = ()
    names_cluster: bool = False

    @property
    def other_words(self) -> str:
        """A command's words behind patterns and duration, each after a blank, so that an example asks for the same."""
        words = [
            *([self.permission.name] if self.permission.name != "read" or self.reason else []),
            *_kind_option(self.kind, self.integration),
            *(["--break-glass"] if self.break_glass else []),
            *([f"--cluster {self.integration.name}"] if self.names_cluster else []),
            *([f"--for {self.requester}"] if self.asked_by else []),
            *([self.reason] if self.reason else []),
        ]
        return "".join(f" {word}" for word in words)

    def example_under(self, flow: AccessFlow) -> str | None:
        """A command for the same that the flow accepts; `None` if no reason is known that it accepts."""
        reason = self.reason if accepts_reason(flow, self.reason) else example_reason(flow)
        if reason is None:
            return None
        duration = self.duration or min(flow.max_duration, _USUAL)
        fitting = replace(
            self, reason=reason, kind=self.kind if self.kind in self.integration.kinds(flow) else None,
            duration=duration if duration <= flow.max_duration else min(flow.max_duration, _USUAL),
        )  # fmt: skip
        return fitting.example_with()

    def example_with(self, pattern: str = "", instead: str = "") -> str:
        """A command for the same, with another pattern in place of one."""
        patterns = dict.fromkeys(instead if each == pattern else each for each in self.patterns)
        selector = f"::{FAILURES}" if is_failure_store(self.permission.stored()) else ""
        names = ",".join(f"{each}{selector}" for each in patterns)
        return f"/es-access {names} {format_duration(self.duration or _USUAL)}{self.other_words}"


def _kind_option(kind: CredentialKind | None, integration: Integration) -> list[str]:
    """The option for a kind. A password is the usual one where people have no accounts of their own."""
    usual = kind is None or (kind is CredentialKind.PASSWORD and integration.accounts is None)
    return [] if usual or kind is None else [kind.option]


def read_draft(policy: Policy, requester: str, draft: Draft) -> ParsedRequest:
    """Parses a draft. Raises `InvalidRequest` for its first invalid part."""
    with about(RequestField.CLUSTER):
        integration = policy.integration(draft.integration)
    with about(RequestField.PATTERNS):
        text, failures = without_selectors(draft.patterns)
        patterns = read_patterns(text)
    with about(RequestField.PERMISSION):
        permission = policy.permission(draft.permission)
        permission = failure_store_part(policy, permission) if failures else permission
    with about(RequestField.REASON):
        reason = checked_reason(draft.reason)
    parsed = ParsedRequest(
        requester, integration, patterns, permission, None, reason, draft.kind, break_glass=draft.break_glass,
        names_cluster=draft.integration is not None,
    )  # fmt: skip
    try:
        duration = read_duration(policy, draft.duration, f"/es-access {','.join(patterns)}")
    except InvalidRequest as error:
        error.example = f"{error.example}{parsed.other_words}"
        raise
    return replace(parsed, duration=duration)


def read_patterns(text: str) -> tuple[str, ...]:
    """The patterns of a comma-separated list that one role can hold. Raises `InvalidRequest`."""
    return _evaluable(parse_patterns(text))


def _evaluable(patterns: tuple[str, ...]) -> tuple[str, ...]:
    check_evaluable(patterns)
    return patterns


def read_duration(policy: Policy, text: str, command: str = COMMAND) -> timedelta | None:
    """Parses a duration; `None` for an empty text. Raises `InvalidRequest`, whose example begins with `command`."""
    with about(RequestField.DURATION):
        # Each flow has its own limit, checked later. This one catches typing errors.
        return parse_duration(text, policy.longest or LONGEST, command) if text else None


def read_request(policy: Policy, request: AccessRequest, permission: str | None = None) -> ParsedRequest:
    """The stored request as it would be filed today, with another permission if one is named.

    Raises `InvalidRequest` when the policy no longer has its integration or permission.
    """
    with about(RequestField.CLUSTER):
        integration = policy.integration(request.integration)
    with about(RequestField.PATTERNS):
        # The patterns of an adopted grant come from the cluster, where others may have written them.
        patterns = _evaluable(check_patterns(request.patterns))
    with about(RequestField.PERMISSION):
        held = policy.permission(permission or request.permission)
        held = failure_store_part(policy, held) if is_failure_store(request.privileges) else held
        # Those of a counter-offer stand there alone. A policy that has dropped its own since does not widen a request.
        held = held.limited(combined(held.limits, Limits.restored(request.privileges or {})))
    # Before routing, the column holds a password whether or not anybody asked for one: the flow still decides.
    decided = request.flow or request.kind_named or request.kind is not CredentialKind.PASSWORD
    kind = request.kind if decided else None
    return ParsedRequest(
        request.requester, integration, patterns, held, request.length, request.reason, kind,
        extension=request.extends is not None, asked_by=request.asked_by, first_asked_by=request.first_asked_by,
        break_glass=request.break_glass, excluded=tuple(request.excluded or ()),
    )  # fmt: skip


def problems(policy: Policy, draft: Draft) -> dict[RequestField, AccessError]:
    """Every invalid part of a draft, by field."""
    checks: dict[RequestField, Callable[[], object]] = {
        RequestField.CLUSTER: lambda: policy.integration(draft.integration),
        RequestField.PATTERNS: lambda: read_patterns(without_selectors(draft.patterns)[0]),
        RequestField.PERMISSION: lambda: policy.permission(draft.permission),
        RequestField.DURATION: lambda: read_duration(policy, draft.duration),
        RequestField.REASON: lambda: checked_reason(draft.reason),
    }
    errors: dict[RequestField, AccessError] = {}
    for field, check in checks.items():
        try:
            check()
        except AccessError as error:
            errors[field] = error
    return errors
