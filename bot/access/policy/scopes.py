"""The scope of an access flow: its clusters, patterns, people and hours, compared with another's.

Groups are compared by name, since their members may change.
"""

from collections.abc import Iterator
from itertools import product

from bot.access.policy.access_flow import AccessFlow
from bot.access.policy.model import Policy
from bot.access.policy.names.exclusion import is_excluded
from bot.access.policy.patterns import covers, reaches


def clusters_of(policy: Policy, flow: AccessFlow) -> frozenset[str]:
    """The names of the integrations that the flow covers."""
    return frozenset(each.name for each in policy.integrations if flow.is_for(each.name))


def covers_scope(policy: Policy, one: AccessFlow, other: AccessFlow) -> bool:
    """Whether `one` covers all clusters, patterns, people and times of the other."""
    return (
        clusters_of(policy, other) <= clusters_of(policy, one)
        and covers_people(one, other)
        and covers_patterns(one, other)
        and one.when in {None, other.when}
    )


def covers_patterns(one: AccessFlow, other: AccessFlow) -> bool:
    """Whether `one` covers every name that the patterns of the other could match."""
    for each in other.patterns:
        left_out = (gap for gap in one.exclude if reaches(each, gap) and not is_excluded(gap, other.exclude))
        if not any(covers(wide, each, hidden=one.deny) for wide in one.patterns) or any(left_out):
            return False
    return True


def covers_people(one: AccessFlow, other: AccessFlow) -> bool:
    """Whether every requester of the other is one of `one`, as far as their names tell."""
    return one.requesters == "everyone" or (
        other.requesters != "everyone" and set(other.requesters) <= set(one.requesters)
    )


def patterns_overlap(one: AccessFlow, other: AccessFlow) -> bool:
    """Whether some name could match patterns of both."""
    return any(True for _ in shared_patterns(one, other))


def shared_patterns(one: AccessFlow, other: AccessFlow) -> Iterator[tuple[str, str]]:
    """Each pair of patterns, one of each flow, under which both may give or deny the same name."""
    for mine, theirs in product(one.patterns, other.patterns):
        gone = is_excluded(mine, other.exclude) or is_excluded(theirs, one.exclude)
        if (one.deny or reaches(mine, theirs)) and (other.deny or reaches(theirs, mine)) and not gone:
            yield mine, theirs
