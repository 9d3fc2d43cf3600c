"""Decides under which access flow a request falls, and why. Pure: it depends on the policy and the question alone."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, time, timedelta
from enum import IntEnum
from functools import partial

from bot.access.durations import format_duration
from bot.access.errors import RequestField
from bot.access.models.columns import CredentialKind
from bot.access.policy.access_flow import AccessFlow
from bot.access.policy.model import Integration, Permission, Policy
from bot.access.policy.names.exclusion import is_excluded
from bot.access.policy.patterns import covers, is_dotted, reaches
from bot.access.policy.reasons import accepts_reason


class Verdict(IntEnum):
    """The result of a question. Of the flows that refuse it, the one with the highest verdict gives the reason."""

    NO_FLOW = 0
    OTHER_INTEGRATION = 1
    NOT_A_REQUESTER = 2
    PATTERN_NOT_OFFERED = 3
    PERMISSION_NOT_OFFERED = 4
    CREDENTIAL_NOT_OFFERED = 5
    PATTERN_EXCLUDED = 6
    OUTSIDE_HOURS = 7
    NO_DURATION = 8
    TOO_LONG = 9
    NO_REASON = 10
    REASON_OF_WRONG_SHAPE = 11
    ALLOWED = 12
    DENIED = 13


FIELD_OF_VERDICT: Mapping[Verdict, RequestField] = {
    Verdict.OTHER_INTEGRATION: RequestField.CLUSTER,
    Verdict.PATTERN_NOT_OFFERED: RequestField.PATTERNS,
    Verdict.PATTERN_EXCLUDED: RequestField.PATTERNS,
    Verdict.PERMISSION_NOT_OFFERED: RequestField.PERMISSION,
    Verdict.CREDENTIAL_NOT_OFFERED: RequestField.PURPOSE,
    Verdict.NO_DURATION: RequestField.DURATION,
    Verdict.TOO_LONG: RequestField.DURATION,
    Verdict.NO_REASON: RequestField.REASON,
    Verdict.REASON_OF_WRONG_SHAPE: RequestField.REASON,
}
"""The field of a request that a verdict concerns. The other verdicts concern the whole request."""


@dataclass(frozen=True)
class Question:
    """The request to decide. A `duration` or `kind` of `None` means the flow's default.

    `break_glass`: only break-glass flows are considered; otherwise only the others. `filed_at` is set for a request
    that was filed before: the hours of a flow say when people may ask, those of a deny flow hold at the moment.
    `excluded` are patterns whose names the access leaves out.
    """

    integration: Integration
    patterns: tuple[str, ...]
    permission: Permission
    duration: timedelta | None
    reason: str
    at: datetime
    kind: CredentialKind | None = None
    break_glass: bool = False
    filed_at: datetime | None = None
    excluded: tuple[str, ...] = ()


@dataclass(frozen=True)
class Decision:
    """A verdict, the flow that caused it, and a sentence for the requester."""

    verdict: Verdict
    flow: AccessFlow | None
    why: str


CREDENTIAL_NAMES: Mapping[CredentialKind, str] = {
    CredentialKind.OWN_ACCOUNT: "access for your own account",
    CredentialKind.PASSWORD: "passwords",
    CredentialKind.API_KEY: "API keys",
}
"""Plural names for people."""

_NOT_OFFERED = frozenset({Verdict.PATTERN_NOT_OFFERED, Verdict.PERMISSION_NOT_OFFERED})
"""Refusals that tell what the flow offers instead."""

MemberOf = Callable[[Sequence[str]], bool | None]
"""Whether the requester is among these users, e-mails and groups; `None` if one of them cannot be found."""


_NO_FLOW = "No access flow lets anybody ask for this."
_NO_BREAK_GLASS = "There is no break-glass access flow. Ask without break-glass."


def decide(policy: Policy, question: Question, member_of: MemberOf) -> Decision:
    """The first flow that allows the request, unless a flow denies it. The order of deny flows does not matter.

    A flow that denies only what the allowing flow excludes denies nothing.
    """
    nearest = Decision(Verdict.NO_FLOW, None, _NO_BREAK_GLASS if question.break_glass else _NO_FLOW)
    for flow in policy.access_flows:
        if flow.deny or flow.automatic or flow.break_glass is not question.break_glass:
            continue
        decision = _check_flow(flow, question, member_of)
        if decision.verdict is Verdict.ALLOWED:
            given = replace(question, excluded=(*question.excluded, *flow.exclude))
            return find_denial(policy, given, member_of) or decision
        nearest = max(nearest, decision, key=_nearness)
    denied = find_denial(policy, question, member_of)
    if denied is not None:
        return denied
    if nearest.flow is not None and nearest.verdict in _NOT_OFFERED:
        return replace(nearest, why=f"{nearest.why} {_describe_offer(policy, nearest.flow, question, member_of)}")
    return nearest


def _nearness(decision: Decision) -> tuple[Verdict, timedelta]:
    """Orders refusals: the highest verdict first, and of flows with too short a limit the longest limit."""
    limit = decision.flow.max_duration if decision.flow and decision.verdict is Verdict.TOO_LONG else timedelta(0)
    return decision.verdict, limit


def find_denial(policy: Policy, question: Question, member_of: MemberOf) -> Decision | None:
    """The decision of the first flow that denies the request; `None` if no flow does."""
    flow = next(denying_flows(policy, question, member_of), None)
    return None if flow is None else Decision(Verdict.DENIED, flow, _forbidden(flow, question))


def _forbidden(flow: AccessFlow, question: Question) -> str:
    """The sentence of a denial. A wildcard of which a part is denied can be asked for in narrower ones."""
    denied = [each for each in question.patterns if _touches(flow, each, question)]
    in_part = [each for each in denied if "*" in each and not is_excluded(each, flow.patterns)]
    hint = f" Only a part of {in_part[0]} is forbidden: ask for narrower names." if in_part == denied else ""
    return f"The access flow “{flow.name}” forbids it.{hint}"


def denying_flows(policy: Policy, question: Question, member_of: MemberOf) -> Iterator[AccessFlow]:
    """All flows that deny the request or a part of it."""
    return (flow for flow in policy.access_flows if flow.deny and _denies(policy, flow, question, member_of))


def may_be_denied(policy: Policy, question: Question, member_of: MemberOf) -> bool:
    """Whether a flow denies this requester the permission on anything at all at this moment.

    Then the resources behind a name matter: an alias may point to denied ones.
    """
    return any(flow.deny and _denies_something(policy, flow, question, member_of) for flow in policy.access_flows)


def _denies(policy: Policy, flow: AccessFlow, question: Question, member_of: MemberOf) -> bool:
    touches = any(_touches(flow, each, question) for each in question.patterns)
    return touches and _denies_something(policy, flow, question, member_of)


def _denies_something(policy: Policy, flow: AccessFlow, question: Question, member_of: MemberOf) -> bool:
    """Whether the deny flow applies to the question, whatever its patterns."""
    return (
        _covers_integration(flow, question)
        and policy.denies(flow, question.permission)
        and (flow.when is None or flow.when.include(question.at))
        # The requester may be in a group that cannot be found, so a mistyped deny flow applies to everybody.
        and (flow.requesters == "everyone" or member_of(flow.requesters) is not False)
    )


def _touches(flow: AccessFlow, pattern: str, question: Question) -> bool:
    # With system indices, a leading star matches the backing indices of every data stream: `.ds-NAME-DATE-NUMBER`.
    anything = question.permission.restricted_indices and pattern.startswith("*")
    denied = (each for each in flow.patterns if not is_excluded(each, question.excluded))
    return anything or any(reaches(pattern, each) for each in denied)


def _covers_integration(flow: AccessFlow, question: Question) -> bool:
    return flow.is_for(question.integration.name)


def _check_flow(flow: AccessFlow, question: Question, member_of: MemberOf) -> Decision:
    """The first refusal of one flow, or its approval."""
    uncovered = [each for each in question.patterns if not any(covers(mine, each) for mine in flow.patterns)]
    answer = partial(Decision, flow=flow)
    if not _covers_integration(flow, question):
        return answer(Verdict.OTHER_INTEGRATION, why=f"No access flow covers {question.integration.name}.")
    if flow.requesters != "everyone" and not member_of(flow.requesters):
        return answer(Verdict.NOT_A_REQUESTER, why="No access flow lets you ask for this.")
    if uncovered:
        return answer(Verdict.PATTERN_NOT_OFFERED, why=_not_offered(flow, uncovered[0]))
    if question.permission.name not in flow.offers:
        return answer(Verdict.PERMISSION_NOT_OFFERED, why=f"You may not ask for {question.permission.name} here.")
    if wrong_kind := _wrong_kind(flow, question):
        return answer(Verdict.CREDENTIAL_NOT_OFFERED, why=wrong_kind)
    left_out = [each for each in question.patterns if is_excluded(each, (*flow.exclude, *question.excluded))]
    if left_out:
        return answer(Verdict.PATTERN_EXCLUDED, why=f"The access flow “{flow.name}” excludes {left_out[0]}.")
    return _check_time(flow, question)


def _wrong_kind(flow: AccessFlow, question: Question) -> str:
    """Why the flow does not give the kind of credential that is asked for; empty if it does."""
    kinds, name = question.integration.kinds(flow), question.integration.name
    if question.integration.accounts is None and (question.kind is CredentialKind.OWN_ACCOUNT or not kinds):
        return f"In {name} nothing is given to your own account: its `accounts` are not set up."
    if question.kind is None or question.kind in kinds:
        return ""
    return f"The access flow “{flow.name}” gives {_enumerated([CREDENTIAL_NAMES[each] for each in kinds])} alone."


def _not_offered(flow: AccessFlow, pattern: str) -> str:
    if is_dotted(pattern) and not any(map(is_dotted, flow.patterns)):
        return f"{pattern} begins with a dot, and such names are given only where an access flow names them."
    return f"{pattern} is more than you may ask for."


def _check_time(flow: AccessFlow, question: Question) -> Decision:
    duration = question.duration or flow.default_duration
    answer = partial(Decision, flow=flow)
    if flow.when is not None and not flow.when.include(question.filed_at or question.at):
        return answer(Verdict.OUTSIDE_HOURS, why=f"This may be asked for {_describe_hours(flow)}.")
    if duration is None:
        return answer(Verdict.NO_DURATION, why="Say for how long you need it.")
    if duration > flow.max_duration:
        limit = format_duration(flow.max_duration)
        return answer(
            Verdict.TOO_LONG, why=f"“{format_duration(duration)}” is too long: the longest access is {limit}."
        )
    return _check_reason(flow, question)


def _check_reason(flow: AccessFlow, question: Question) -> Decision:
    if accepts_reason(flow, question.reason):
        return Decision(Verdict.ALLOWED, flow, f"The access flow “{flow.name}” allows it.")
    wanted = f": {flow.reason_hint}" if flow.reason_hint else ""
    if not question.reason:
        return Decision(Verdict.NO_REASON, flow, f"The access flow “{flow.name}” needs a reason{wanted or '.'}")
    shape = wanted or f" that contains {flow.reason_pattern}"
    return Decision(Verdict.REASON_OF_WRONG_SHAPE, flow, f"The access flow “{flow.name}” needs a reason{shape}")


def _describe_offer(policy: Policy, flow: AccessFlow, question: Question, member_of: MemberOf) -> str:
    """What the flow offers, without the patterns that are wholly denied to the requester."""
    anything = replace(question, patterns=("*",))
    denied = [pattern for each in denying_flows(policy, anything, member_of) for pattern in each.patterns]
    shown = [mine for mine in flow.patterns if not any(covers(pattern, mine, hidden=True) for pattern in denied)]
    on = f" on {', '.join(shown[:5])}" if shown else ""
    return f"The access flow “{flow.name}” offers {_enumerated(flow.offers)}{on}."


def _enumerated(names: Sequence[str]) -> str:
    """`read`, `read and write`, `read, write and manage`."""
    return " and ".join(part for part in (", ".join(names[:-1]), names[-1]) if part)


def _describe_hours(flow: AccessFlow) -> str:
    if flow.when is None:
        return "at any time"
    if (flow.when.since, flow.when.until) == (time.min, time.max):
        return f"{', '.join(flow.when.days)} ({flow.when.time_zone})"
    since, until = flow.when.since.strftime("%H:%M"), flow.when.until.strftime("%H:%M")
    return f"{', '.join(flow.when.days)} from {since} to {until} {flow.when.time_zone}"
