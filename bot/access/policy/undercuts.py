"""Access flows that undercut a stricter one: a request gets the same data under them, with less asked for it.

A flow that stands before the stricter one, for no more people and on no wider patterns, is left alone: it is an
exception (“on call: by rule”) or a first step (“1h by one, longer by two”). So are break-glass flows, which are
reviewed.
"""

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import islice, product

from bot.access.durations import format_duration
from bot.access.models.columns import CredentialKind
from bot.access.policy.access_flow import AccessFlow
from bot.access.policy.decision import Question, Verdict, decide
from bot.access.policy.expressions import occurs
from bot.access.policy.model import Integration, Permission, Policy
from bot.access.policy.patterns import covers
from bot.access.policy.reasons import EXAMPLE_REASONS
from bot.access.policy.scopes import covers_people, patterns_overlap, shared_patterns
from bot.access.policy.strictness import concessions

MOST_TRIED = 2000
"""Requests that are tried for one pair of flows."""

SHORT = timedelta(hours=1)

_MONDAY = datetime(2026, 1, 5, tzinfo=UTC)
_QUARTERS = tuple(_MONDAY + timedelta(minutes=7 + 15 * number) for number in range(7 * 24 * 4))
"""Moments of a week, off the full hours at which flows begin and end."""


@dataclass(frozen=True)
class Example:
    """A request that falls under the weaker flow, as a command, if somebody in all of these groups types it."""

    command: str
    question: Question
    groups: tuple[str, ...]

    @property
    def people(self) -> str:
        """Who may type it."""
        both = "both " if len(self.groups) > 1 else ""
        return f"people in {both}{' and '.join(self.groups)}" if self.groups else "anybody"


@dataclass(frozen=True)
class Undercut:
    """A pair of flows, the demands that the weaker one drops, and a request that shows it."""

    weaker: AccessFlow
    stricter: AccessFlow
    concessions: tuple[str, ...]
    example: Example


def find_undercuts(policy: Policy) -> Iterator[Undercut]:
    """Every pair of flows of which one undercuts the other, in the order of the stricter ones."""
    flows = [each for each in policy.access_flows if each.usual]
    moments = _moments(policy)
    for stricter, weaker in product(flows, flows):
        if stricter is not weaker and patterns_overlap(weaker, stricter):
            found = (_compare(policy, weaker, stricter, each, moments) for each in policy.integrations)
            yield from islice(filter(None, found), 1)


def _compare(
    policy: Policy, weaker: AccessFlow, stricter: AccessFlow, integration: Integration, moments: Sequence[datetime]
) -> Undercut | None:
    """The undercut in that cluster; `None` if there is none."""
    if not all(each.is_for(integration.name) for each in (weaker, stricter)):
        return None
    by_resource = integration.resource_owner is not None
    conceded = concessions(weaker, stricter, by_resource=by_resource)
    if not conceded:
        return None
    tested, reasons = _reasons(policy, weaker, stricter)
    tried = product(
        [each for each in moments if _apply(each, weaker, stricter)],
        _people_in_both(weaker, stricter),
        _kinds(weaker, stricter),
        _durations(weaker, stricter),
        _permissions(policy, weaker, stricter),
        reasons,
        _patterns(weaker, stricter),
    )
    for at, groups, kind, duration, name, reason, pattern in islice(tried, MOST_TRIED):
        within = weaker.model_copy(update={"max_duration": duration})
        if not concessions(within, stricter, by_resource=by_resource):
            continue  # only a longer limit is conceded, and this request is within both
        question = Question(integration, (pattern,), policy.permission(name), duration, reason, at, kind)
        decision = decide(tested, question, partial(_belongs, groups))
        if decision.verdict is Verdict.ALLOWED and decision.flow and decision.flow.name == weaker.name:
            return Undercut(weaker, stricter, conceded, Example(_command(policy, question), question, groups))
    return None


def _belongs(groups: Collection[str], owners: Collection[str]) -> bool:
    return not set(groups).isdisjoint(owners)


def _people_in_both(weaker: AccessFlow, stricter: AccessFlow) -> list[tuple[str, ...]]:
    """Groups, or people, that make somebody a requester of both flows."""
    named = [each.requesters for each in (weaker, stricter) if each.requesters != "everyone"]
    if len(named) < 2:
        return [(each,) for each in named[0]] if named else [()]
    return [(each,) for each in named[0] if each in named[1]] or list(product(*named))


def _patterns(weaker: AccessFlow, stricter: AccessFlow) -> list[str]:
    """Patterns that the weaker flow covers and the stricter one touches, the narrower ones first."""
    pairs = list(shared_patterns(weaker, stricter))
    narrow = [theirs for mine, theirs in pairs if covers(mine, theirs)]
    return list(dict.fromkeys([*narrow, *(mine for mine, _ in pairs)]))


def _permissions(policy: Policy, weaker: AccessFlow, stricter: AccessFlow) -> list[str]:
    """The permissions of the weaker flow with an effect that the stricter one guards, those of both flows first."""
    guarded = [policy.permission(name) for name in stricter.offers]
    same = [name for name in weaker.offers if any(_gives_as_much(policy.permission(name), each) for each in guarded)]
    left_alone = _left_alone(policy, weaker, stricter)
    return sorted((each for each in same if each not in left_alone), key=lambda name: name not in stricter.offers)


def _gives_as_much(one: Permission, guarded: Permission) -> bool:
    """Whether a permission has an effect that is guarded, and no limits that let it show less than the guarded one."""
    shows_less = guarded.shows_all_of(one) and not one.shows_all_of(guarded)
    return one.is_denied_by(guarded) and not shows_less


def _left_alone(policy: Policy, weaker: AccessFlow, stricter: AccessFlow) -> Collection[str]:
    """The permissions that the weaker flow gives as an exception from the stricter one, or as its first step."""
    if policy.access_flows.index(weaker) > policy.access_flows.index(stricter):
        return ()
    touching = list(dict.fromkeys(mine for mine, _ in shared_patterns(weaker, stricter)))
    if not all(any(covers(theirs, mine) for theirs in stricter.patterns) for mine in touching):
        return ()
    if covers_people(stricter, weaker):
        # For fewer people, all of it is an exception; for the same, only what the next step offers as well.
        return stricter.offers if covers_people(weaker, stricter) else weaker.offers
    return () if covers_people(weaker, stricter) else weaker.offers


def _kinds(weaker: AccessFlow, stricter: AccessFlow) -> list[CredentialKind | None]:
    apart = set(weaker.credentials) - set(stricter.credentials)
    return [None, *(each for each in weaker.credentials if each in apart or each is CredentialKind.API_KEY)]


def _reasons(policy: Policy, weaker: AccessFlow, stricter: AccessFlow) -> tuple[Policy, list[str]]:
    """Reasons to try, and the policy under which to try them.

    Where no known reason fits the expression of the weaker flow, it is taken out, and named in place of a reason.
    """
    pattern, other = weaker.reason_pattern, stricter.reason_pattern
    fitting = [each for each in EXAMPLE_REASONS if not pattern or occurs(pattern, each)]
    if not fitting:
        anything = weaker.model_copy(update={"reason_pattern": None})
        flows = tuple(anything if each is weaker else each for each in policy.access_flows)
        policy, fitting = policy.model_copy(update={"access_flows": flows}), [f"REASON with {pattern}"]
    refused = [each for each in fitting if other and not occurs(other, each)]
    return policy, [*([] if weaker.needs_reason else [""]), *dict.fromkeys([*fitting[:1], *refused[:1]])]


def _durations(weaker: AccessFlow, stricter: AccessFlow) -> list[timedelta]:
    longer = [weaker.max_duration] if weaker.max_duration > stricter.max_duration else []
    return list(dict.fromkeys([min(SHORT, weaker.max_duration, stricter.max_duration), *longer]))


def _moments(policy: Policy) -> list[datetime]:
    """Moments of a week, one for each set of flows that apply."""
    timed = [each.when for each in policy.access_flows if each.when is not None]
    if not timed:
        return [_QUARTERS[0]]
    found: dict[tuple[bool, ...], datetime] = {}
    for moment in _QUARTERS:
        found.setdefault(tuple(each.include(moment) for each in timed), moment)
    return list(found.values())


def _apply(moment: datetime, *flows: AccessFlow) -> bool:
    return all(each.when is None or each.when.include(moment) for each in flows)


def _command(policy: Policy, question: Question) -> str:
    words: Iterable[str] = (
        "/es-access",
        ",".join(question.patterns),
        format_duration(question.duration or SHORT),
        # What follows a duration is a permission if it is the name of one, and otherwise the reason.
        question.permission.name if question.reason or question.permission.name != "read" else "",
        question.reason,
        f"--cluster {question.integration.name}" if len(policy.integrations) > 1 else "",
        question.kind.option if question.kind is not None else "",
    )
    return " ".join(filter(None, words))
