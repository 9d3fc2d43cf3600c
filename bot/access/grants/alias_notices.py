"""Notices about an alias that has moved under live access, and their recipients."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import NamedTuple

from bot.access.errors import Outage
from bot.access.lifecycle.requests import audience_of
from bot.access.models.columns import Json
from bot.access.models.requests import AccessRequest
from bot.access.owners import MOST_ASKED, integration_owners
from bot.access.ownership.aliases import Move
from bot.access.policy.access_flow import AccessFlow
from bot.access.policy.model import Integration
from bot.access.policy.owner_groups import Owned, OwnerGroup, owner_groups
from bot.access.ports import Directory
from bot.access.store.transaction import Transaction

_MOST_NAMES = 5
"""Names in one sentence."""


class Finding(NamedTuple):
    """A move that matters: its targets that were not approved, and why. `final`: no access flow keeps it."""

    move: Move
    targets: tuple[str, ...]
    why: str
    final: bool

    def audited(self, *, kept: bool) -> dict[str, Json]:
        """The details of its audit event."""
        owners = dict.fromkeys(owner or "" for target in self.targets for owner in self.move.owners[target])
        return {
            "alias": self.move.alias,
            "before": list(self.move.before),
            "now": list(self.move.now),
            "owners": list(owners),
            "why": self.why,
            "kept": kept,
        }


@dataclass(frozen=True)
class AliasNotices:
    """Finds the owners of an alias's present targets, and writes the messages."""

    directory: Directory
    integration: Integration
    flow: AccessFlow | None

    def groups(self, findings: Sequence[Finding]) -> tuple[OwnerGroup, ...]:
        """The owners of the targets since, with their people. Raises `Outage`."""
        owned = [Owned(target, owner) for each in findings for target in each.targets
                 for owner in each.move.owners[target]]  # fmt: skip
        by_resource = (self.flow or AccessFlow(name="removed")).model_copy(update={"owners": "resource"})
        groups, _ = owner_groups(by_resource, self.integration, owned)
        return tuple(replace(each, people=self._people(each)) for each in groups)

    def groups_if_known(self, findings: Sequence[Finding]) -> tuple[OwnerGroup, ...]:
        """The same; nobody while Slack does not say who they are."""
        try:
            return self.groups(findings)
        except Outage:
            return ()

    def _people(self, group: OwnerGroup) -> tuple[str, ...]:
        people = self.directory.members(group.owners).users or integration_owners(self.directory, self.integration)
        return people[:MOST_ASKED]

    def send(
        self,
        write: Transaction,
        request: AccessRequest,
        groups: Sequence[OwnerGroup],
        findings: Sequence[Finding],
        consequence: str,
        now: datetime,
    ) -> None:
        """Enqueues messages to the owners who were asked, or their channel, and the owners since; and to the requester.

        The requester may not be allowed to know of the data since, so that message leaves its names out.
        """
        before = [request.channel] if request.channel else request.owners
        since = [person for group in groups for person in group.people]
        requesters = audience_of(request)
        owners = [each for each in dict.fromkeys([*before, *since]) if each not in requesters]
        write.notify(owners, "\n".join([*(_said(each, _listed(each.targets)) for each in findings), consequence]), now)
        write.notify(requesters, "\n".join([*(_said(each, "other data") for each in findings), consequence]), now)


def ended(request: AccessRequest) -> str:
    """The consequence where the access ends."""
    return f"So the access of <@{request.requester}> under {request.id} has ended."


def kept(request: AccessRequest) -> str:
    """The consequence where the access stays."""
    return (
        f"The access of <@{request.requester}> under {request.id} stays, as the access flow “{request.flow}” says. "
        f"An owner can end it: /es-access revoke {request.id}"
    )


def _said(finding: Finding, data: str) -> str:
    return f"The alias {finding.move.alias} points to {data} now, {finding.why}."


def _listed(names: Sequence[str]) -> str:
    rest = len(names) - _MOST_NAMES
    return ", ".join(names[:_MOST_NAMES]) + (f" and {rest} more" if rest > 0 else "")
