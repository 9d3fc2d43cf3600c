"""Which names of a cluster a person may read: those under access flows that they may use. Pure, like the decision."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

from bot.access.policy.access_flow import AccessFlow
from bot.access.policy.decision import MemberOf, Question, denying_flows
from bot.access.policy.model import Integration, Permission, Policy
from bot.access.policy.names.exclusion import Leading, leaves_out
from bot.access.policy.patterns import matcher, overlap

_Resource = TypeVar("_Resource", bound=Leading)


Offer = tuple[tuple[str, ...], tuple[str, ...]]
"""The patterns of an access flow, and those that it excludes."""


@dataclass(frozen=True)
class Visibility:
    """The patterns that a person may ask for in one cluster, and the patterns denied to them, for each permission.

    Equal for people under the same flows, so that work for one of them serves the others.
    """

    offers: frozenset[tuple[frozenset[Offer], frozenset[str]]]

    def __bool__(self) -> bool:
        """Whether the person may ask for anything."""
        return bool(self.offers)

    def visible(self, resources: Iterable[_Resource]) -> tuple[_Resource, ...]:
        """The resources whose names the person may read, in their order.

        A name is visible if some permission on it is offered and not denied. Access to an alias is access to its
        targets, so an alias is visible only if the same permission is not denied on any of them.
        """
        tests = [_test(offered, denied) for offered, denied in self.offers]
        return tuple(each for each in resources if any(test(each) for test in tests))


def visibility_of(policy: Policy, integration: Integration, member_of: MemberOf, at: datetime) -> Visibility:
    """What the person with these memberships may read about the cluster. Raises whatever `member_of` does.

    The hours of the flows that offer something do not matter: it can be asked for later.
    """
    mine = [flow for flow in policy.access_flows if _may_use(flow, integration, member_of)]
    offers = set()
    for permission in policy.permissions:
        offered = frozenset((flow.patterns, flow.exclude) for flow in mine if permission.name in flow.offers)
        if offered:
            offers.add((offered, _denied(policy, integration, permission, member_of, at)))
    return Visibility(frozenset(offers))


def offered_permissions(policy: Policy, member_of: MemberOf) -> tuple[str, ...]:
    """The permissions that the person may ask for somewhere. Raises whatever `member_of` does."""
    mine = [flow for flow in policy.access_flows for one in policy.integrations if _may_use(flow, one, member_of)]
    return tuple(each.name for each in policy.permissions if any(each.name in flow.offers for flow in mine))


def _may_use(flow: AccessFlow, integration: Integration, member_of: MemberOf) -> bool:
    return (
        (flow.usual or flow.break_glass)
        and flow.is_for(integration.name)
        and (flow.requesters == "everyone" or member_of(flow.requesters) is True)
    )


def _denied(
    policy: Policy, integration: Integration, permission: Permission, member_of: MemberOf, at: datetime
) -> frozenset[str]:
    """The patterns on which the permission is denied to the person."""
    anything = Question(integration, ("*",), permission, None, "", at)
    return frozenset(pattern for flow in denying_flows(policy, anything, member_of) for pattern in flow.patterns)


def _test(offered: frozenset[Offer], denied: frozenset[str]) -> Callable[[Leading], bool]:
    offers = [(matcher(patterns), leaves_out(exclude)) for patterns, exclude in offered]
    is_denied = matcher(denied, hidden=True) if denied else _never

    def test(resource: Leading) -> bool:
        return (
            any(covers(resource.name) and not left_out(resource) for covers, left_out in offers)
            and not is_denied(resource.name)
            and not any(overlap(pattern, target) for pattern in denied for target in resource.targets)
        )

    return test


def _never(_name: str) -> bool:
    return False
