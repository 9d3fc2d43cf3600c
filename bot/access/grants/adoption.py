"""Adoption: registers objects of a cluster that are missing here, after the database was lost or restored."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from bot.access.audit.terms import UNKNOWN, access_terms
from bot.access.errors import Outage
from bot.access.ids import APPLICATION, read_id, split_username
from bot.access.models.columns import CredentialKind
from bot.access.models.grants import Grant
from bot.access.models.messages import MessageKind
from bot.access.models.request_details import RequestDetails
from bot.access.models.requests import AccessRequest
from bot.access.owners import notified_owners
from bot.access.policy.current import CurrentPolicy
from bot.access.policy.model import Integration, Permission
from bot.access.ports import Directory, InventoryItem
from bot.access.states import GrantState, RequestState
from bot.access.store.transaction import Transaction

NOBODY = "U000000000"
"""The requester of something whose metadata names nobody. Slack has no such user, so nobody is notified."""

_SLACK_ID = re.compile(r"[UW][A-Z0-9]{2,30}")


@dataclass(frozen=True)
class Adoption:
    """Creates requests and grants for found items."""

    directory: Directory
    current: CurrentPolicy

    def owners(self, integration: Integration) -> Sequence[str]:
        """The people to notify of failures; nobody while Slack is unavailable, which must not keep anything alive."""
        try:
            return notified_owners(self.directory, integration)
        except Outage:
            return ()

    def adopt(
        self, write: Transaction, some: Sequence[InventoryItem], integration: str, owners: Sequence[str], now: datetime
    ) -> Sequence[Grant]:
        """Stores the items as active grants that end when their metadata says, or now; each with its audit event."""
        requests = [self._request(found, integration, owners, now) for found in some]
        write.file_all(requests)
        grants = [_grant(found, request, now) for found, request in zip(some, requests, strict=True)]
        write.add_grants(grants)
        write.enqueue_all({each.id: [each.requester] for each in requests}, MessageKind.CREDENTIAL, at=None)
        for request, grant in zip(requests, grants, strict=True):
            write.audit(
                "grant.adopted", APPLICATION, now, request.id,
                username=grant.username, **access_terms(RequestDetails(request, grant), grant),
                source="found in the cluster; the database did not know it",
            )  # fmt: skip
        return grants

    def _request(self, found: InventoryItem, integration: str, owners: Sequence[str], now: datetime) -> AccessRequest:
        until = found.expires_at or now
        permission = self._permission(found)
        return AccessRequest(
            id=read_id(found.grant_id or "") or "",
            requester=requester_of(found) or NOBODY,
            integration=integration,
            patterns=list(found.patterns) or [UNKNOWN],
            excluded=list(found.excluded) or None,
            permission=permission.name,
            duration=max(0, int((until - now) / timedelta(seconds=1))),
            kind=CredentialKind.API_KEY if found.key_ids and not found.user else CredentialKind.PASSWORD,
            privileges=permission.stored(),
            owners=list(owners),
            state=RequestState.APPROVED,
            created_at=now,
            pending_until=now,
            decided_by=APPLICATION,
            decided_at=now,
        )

    def _permission(self, found: InventoryItem) -> Permission:
        """What the role or key gives, under the name of the permission that gives the same, if there still is one."""
        held = Permission.restored(UNKNOWN, found.privileges.stored())
        same = (each.name for each in self.current.policy.permissions if each.includes(held) and held.includes(each))
        return Permission.restored(next(same, UNKNOWN), held.stored())


def _grant(found: InventoryItem, request: AccessRequest, now: datetime) -> Grant:
    until = found.expires_at or now
    first, attempt = split_username(found.username)
    return Grant(
        id=request.id,
        first_username=first,
        state=GrantState.ACTIVE,
        created_at=now,
        delivered_at=now,
        expires_at=until,
        due_at=until,
        key_id=found.key_ids[-1] if request.kind is CredentialKind.API_KEY else None,
        attempt=attempt,
        attempt_in_use=attempt,
    )


def requester_of(found: InventoryItem) -> str | None:
    """The requester named by the metadata, if it is readable."""
    return found.requester if found.requester and _SLACK_ID.fullmatch(found.requester) else None
