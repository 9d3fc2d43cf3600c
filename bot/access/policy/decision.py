"""Which access flow a request falls under, and why. Pure: the same policy and question give the same answer."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from enum import IntEnum
from functools import partial

from bot.access.durations import format_duration
from bot.access.errors import RequestField
from bot.access.models.columns import CredentialKind
from bot.access.policy.model import AccessFlow, Integration, Permission, Policy
from bot.access.policy.patterns import covers, overlap
from bot.access.policy.value_types import is_owner

MOST_NAMES = 10
"""Owners that one resource may name."""


class Verdict(IntEnum):
    """What came of a question. Of the flows that do not fit, the one that came furthest gives the reason."""

    NO_FLOW = 0
    OTHER_INTEGRATION = 1
    NOT_A_REQUESTER = 2
    PATTERN_NOT_OFFERED = 3
    PERMISSION_NOT_OFFERED = 4
    CREDENTIAL_NOT_OFFERED = 5
    OUTSIDE_HOURS = 6
    NO_DURATION = 7
    TOO_LONG = 8
    NO_REASON = 9
    REASON_OF_WRONG_SHAPE = 10
    ALLOWED = 11
    DENIED = 12


ABOUT: Mapping[Verdict, RequestField] = {
    Verdict.OTHER_INTEGRATION: RequestField.CLUSTER,
    Verdict.PATTERN_NOT_OFFERED: RequestField.PATTERNS,
    Verdict.PERMISSION_NOT_OFFERED: RequestField.PERMISSION,
    Verdict.CREDENTIAL_NOT_OFFERED: RequestField.PURPOSE,
    Verdict.NO_DURATION: RequestField.DURATION,
    Verdict.TOO_LONG: RequestField.DURATION,
    Verdict.NO_REASON: RequestField.REASON,
    Verdict.REASON_OF_WRONG_SHAPE: RequestField.REASON,
}
"""The part of a request that a verdict is about; of the others it is the request as a whole."""


@dataclass(frozen=True)
class Question:
    """What is asked. `duration` and `kind` are `None` where the flow's default would do.

    `break_glass`: only a break-glass flow may be taken; without it none may.
    """

    integration: Integration
    patterns: tuple[str, ...]
    permission: Permission
    duration: timedelta | None
    reason: str
    at: datetime
    kind: CredentialKind | None = None
    break_glass: bool = False


@dataclass(frozen=True)
class Decision:
    """The verdict, the flow that it comes from, and a sentence for the person who asked."""

    verdict: Verdict
    flow: AccessFlow | None
    why: str

    @property
    def allowed(self) -> bool:
        """Whether it may be asked for."""
        return self.verdict is Verdict.ALLOWED


KINDS: Mapping[CredentialKind, str] = {CredentialKind.PASSWORD: "passwords", CredentialKind.API_KEY: "API keys"}
"""What they are called, of several."""

MemberOf = Callable[[Sequence[str]], bool | None]
"""Whether the person who asks is one of these users, e-mails or groups; `None` when one of them is not to be found."""


_NO_FLOW = "No access flow lets anybody ask for this."
_NO_BREAK_GLASS = "There is no break-glass access flow. Ask without break-glass."


def decide(policy: Policy, question: Question, member_of: MemberOf) -> Decision:
    """The first flow that fits, unless one that denies does: a deny beats every allow, wherever it stands."""
    denied = denial(policy, question, member_of)
    if denied is not None:
        return denied
    nearest = Decision(Verdict.NO_FLOW, None, _NO_BREAK_GLASS if question.break_glass else _NO_FLOW)
    for flow in policy.access_flows:
        if flow.deny or flow.automatic or flow.break_glass is not question.break_glass:
            continue
        found = _fits(flow, question, member_of)
        if found.allowed:
            return found
        nearest = max(nearest, found, key=_nearness)
    return nearest


def _nearness(decision: Decision) -> tuple[Verdict, timedelta]:
    """How far a flow came that does not fit; of those that are too short, the one of the longest limit."""
    limit = decision.flow.max_duration if decision.flow and decision.verdict is Verdict.TOO_LONG else timedelta(0)
    return decision.verdict, limit


def denial(policy: Policy, question: Question, member_of: MemberOf) -> Decision | None:
    """The decision of the first flow that denies this, if one does."""
    for flow in policy.access_flows:
        if flow.deny and _denies(policy, flow, question, member_of):
            why = f"The access flow “{flow.name}” forbids it."
            return Decision(Verdict.DENIED, flow, why)
    return None


def _denies(policy: Policy, flow: AccessFlow, question: Question, member_of: MemberOf) -> bool:
    return (
        _at(flow, question)
        and any(overlap(mine, theirs) for mine in flow.patterns for theirs in question.patterns)
        and _gives_what_is_denied(policy, flow, question.permission)
        and (flow.when is None or flow.when.include(question.at))
        # A group that is not to be found may have this person in it: a deny that is mistyped denies all the more.
        and (flow.requesters == "everyone" or member_of(flow.requesters) is not False)
    )


def _gives_what_is_denied(policy: Policy, flow: AccessFlow, asked: Permission) -> bool:
    """Whether the permission is one that is denied, or holds all of one: to deny reading denies writing that reads."""
    denied = [policy.permission(name) for name in flow.permissions]
    return not denied or any(each.name == asked.name or _holds(asked, each) for each in denied)


def _holds(one: Permission, other: Permission) -> bool:
    return (
        set(other.indices) <= set(one.indices)
        and set(other.cluster) <= set(one.cluster)
        and set(other.run_as) <= set(one.run_as)
        and other.restricted_indices <= one.restricted_indices
    )


def _at(flow: AccessFlow, question: Question) -> bool:
    return not flow.integrations or question.integration.name in flow.integrations


def _fits(flow: AccessFlow, question: Question, member_of: MemberOf) -> Decision:
    """Whether one flow allows it, or the first thing that is in the way."""
    uncovered = [each for each in question.patterns if not any(covers(mine, each) for mine in flow.patterns)]
    answer = partial(Decision, flow=flow)
    if not _at(flow, question):
        return answer(Verdict.OTHER_INTEGRATION, why=f"No access flow covers {question.integration.name}.")
    if flow.requesters != "everyone" and not member_of(flow.requesters):
        return answer(Verdict.NOT_A_REQUESTER, why="No access flow lets you ask for this.")
    if uncovered:
        return answer(Verdict.PATTERN_NOT_OFFERED, why=f"{uncovered[0]} is more than you may ask for. {_offer(flow)}")
    if question.permission.name not in flow.offers:
        return answer(
            Verdict.PERMISSION_NOT_OFFERED, why=f"You may not ask for {question.permission.name} here. {_offer(flow)}"
        )
    if question.kind is not None and question.kind not in flow.credentials:
        given = f"The access flow “{flow.name}” gives {KINDS[flow.credentials[0]]} alone."
        return answer(Verdict.CREDENTIAL_NOT_OFFERED, why=given)
    return _time_fits(flow, question)


def _time_fits(flow: AccessFlow, question: Question) -> Decision:
    duration = question.duration or flow.default_duration
    answer = partial(Decision, flow=flow)
    if flow.when is not None and not flow.when.include(question.at):
        return answer(Verdict.OUTSIDE_HOURS, why=f"This may be asked for {_hours(flow)}.")
    if duration is None:
        return answer(Verdict.NO_DURATION, why="Say for how long you need it.")
    if duration > flow.max_duration:
        limit = format_duration(flow.max_duration)
        return answer(
            Verdict.TOO_LONG, why=f"“{format_duration(duration)}” is too long: the longest access is {limit}."
        )
    return _reason_fits(flow, question)


def _reason_fits(flow: AccessFlow, question: Question) -> Decision:
    if flow.needs_reason and not question.reason:
        return Decision(Verdict.NO_REASON, flow, f"The access flow “{flow.name}” needs a reason.")
    if flow.reason_pattern and question.reason and not re.search(flow.reason_pattern, question.reason):
        why = f"The access flow “{flow.name}” needs a reason that contains {flow.reason_pattern}"
        return Decision(Verdict.REASON_OF_WRONG_SHAPE, flow, why)
    return Decision(Verdict.ALLOWED, flow, f"The access flow “{flow.name}” allows it.")


def _offer(flow: AccessFlow) -> str:
    return f"The access flow “{flow.name}” offers {' and '.join(flow.offers)} on {', '.join(flow.patterns[:5])}."


def _hours(flow: AccessFlow) -> str:
    if flow.when is None:
        return "at any time"
    if (flow.when.since, flow.when.until) == (time.min, time.max):
        return f"{', '.join(flow.when.days)} ({flow.when.time_zone})"
    since, until = flow.when.since.strftime("%H:%M"), flow.when.until.strftime("%H:%M")
    return f"{', '.join(flow.when.days)} from {since} to {until} {flow.when.time_zone}"


# --- who has to say yes -------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class OwnerGroup:
    """People of whom `approvals` have to say yes. `label` is what it is called; `owners` are who it stands for.

    `people` are those behind the owners, once they were looked up.
    """

    label: str
    owners: tuple[str, ...]
    approvals: int
    resources: int
    people: tuple[str, ...] = ()


@dataclass(frozen=True)
class Owned:
    """A resource, or an index template that new ones will come from, and its owner as written in the cluster."""

    name: str
    owner: str | None


def owner_groups(
    flow: AccessFlow, integration: Integration, owned: Sequence[Owned]
) -> tuple[tuple[OwnerGroup, ...], tuple[str, ...]]:
    """Who has to say yes to all of these resources, and in words which owner values could not be used.

    What has no owner, or one of the wrong shape, falls to the integration owner.
    """
    if flow.owners == "integration":
        return (_integration_group(flow, integration, len(owned)),), ()
    if flow.owners != "resource":
        return (OwnerGroup(", ".join(flow.owners), flow.owners, flow.approvals, len(owned)),), ()
    counts: dict[tuple[str, ...], int] = {}
    problems: dict[str, None] = {}
    for each in owned:
        names = _split(each.owner or "")
        if each.owner is not None and not (names and all(map(is_owner, names))):
            problems[f"“{_shown(each.owner)}” on {each.name} is no owner"] = None
            names = ()
        counts[names] = counts.get(names, 0) + 1
    unowned = counts.pop((), 0)
    groups = [OwnerGroup(", ".join(names), names, flow.approvals, count) for names, count in sorted(counts.items())]
    if unowned or not groups:
        groups.append(_integration_group(flow, integration, unowned))
    return tuple(groups), tuple(problems)


def _integration_group(flow: AccessFlow, integration: Integration, resources: int) -> OwnerGroup:
    return OwnerGroup(integration.name, integration.owner, flow.approvals, resources)


def _split(value: str) -> tuple[str, ...]:
    # Whoever makes an index writes this: a list without end would be looked up name by name. Its last part then has a
    # comma in it, which is no owner's shape.
    return tuple(dict.fromkeys(part.strip() for part in value.split(",", MOST_NAMES - 1) if part.strip()))


def _shown(value: str) -> str:
    # Whoever makes an index writes it: what cannot be shown must not reach a message.
    return "".join(each if each.isprintable() else "\ufffd" for each in value[:60])
