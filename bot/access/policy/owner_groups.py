"""Owner groups: the people who have to approve a request, by the resources that it covers."""

from collections.abc import Sequence
from dataclasses import dataclass

from bot.access.policy.access_flow import AccessFlow
from bot.access.policy.model import Integration
from bot.access.policy.value_types import is_owner

MOST_NAMES = 10
"""Owners that one resource may name."""


@dataclass(frozen=True)
class OwnerGroup:
    """People of whom `approvals` have to approve. `owners` are the users, e-mails and groups that name them.

    `label` is shown to people. `people` are the Slack users behind the owners, empty before the lookup. `patterns` are
    those of the request under which they own something.
    """

    label: str
    owners: tuple[str, ...]
    approvals: int
    resources: int
    people: tuple[str, ...] = ()
    patterns: tuple[str, ...] = ()


@dataclass(frozen=True)
class Owned:
    """A resource or an index template, its owner as written in the cluster, and the requested patterns it is under."""

    name: str
    owner: str | None
    patterns: tuple[str, ...] = ()


def owner_groups(
    flow: AccessFlow, integration: Integration, owned: Sequence[Owned], patterns: tuple[str, ...] = ()
) -> tuple[tuple[OwnerGroup, ...], tuple[str, ...]]:
    """The groups that have to approve access to all of these resources, and one sentence for each unusable owner.

    The integration owner approves for a resource without an owner, or with a malformed one. `patterns` are those of the
    request.
    """
    if flow.owners == "integration":
        return (integration_group(flow, integration, len(owned), patterns),), ()
    if flow.owners != "resource":
        label = ", ".join(flow.owners)
        return (OwnerGroup(label, flow.owners, flow.approvals, len(owned), patterns=patterns),), ()
    counts: dict[tuple[str, ...], int] = {}
    under: dict[tuple[str, ...], dict[str, None]] = {}
    problems: dict[str, None] = {}
    for each in owned:
        names = owners_in(each.owner)
        if each.owner is not None and not names:
            problems[f"“{_printable(each.owner)}” on {each.name} is no owner"] = None
        counts[names] = counts.get(names, 0) + 1
        under.setdefault(names, {}).update(dict.fromkeys(each.patterns))
    unowned = counts.pop((), 0)
    groups = [
        OwnerGroup(", ".join(names), names, flow.approvals, count, patterns=tuple(under[names]))
        for names, count in sorted(counts.items())
    ]
    if unowned or not groups:
        groups.append(integration_group(flow, integration, unowned, tuple(under.get((), patterns))))
    return tuple(groups), tuple(problems)


def owners_in(value: str | None) -> tuple[str, ...]:
    """The owners that a value names, as written in the cluster; empty for none, and for a malformed value."""
    names = _split(value or "")
    return names if all(map(is_owner, names)) else ()


def integration_group(
    flow: AccessFlow, integration: Integration, resources: int, patterns: tuple[str, ...]
) -> OwnerGroup:
    """The group of the integration owner, who approves where no other owner can."""
    return OwnerGroup(integration.name, integration.owner, flow.approvals, resources, patterns=patterns)


def _split(value: str) -> tuple[str, ...]:
    # The creator of an index chooses this value, and each name in it costs a lookup, so the number is limited. The
    # last part of a longer list keeps its commas, and fails the check for an owner's shape.
    return tuple(dict.fromkeys(part.strip() for part in value.split(",", MOST_NAMES - 1) if part.strip()))


def _printable(value: str) -> str:
    # The creator of an index chooses this value: unprintable characters must not reach a message.
    return "".join(each if each.isprintable() else "\ufffd" for each in value[:60])
