"""The specification of a grant for its cluster, from its rows."""

from dataclasses import replace
from datetime import datetime

from bot.access.audit.terms import names_held
from bot.access.ids import APPLICATION
from bot.access.models.columns import CredentialKind
from bot.access.models.grants import Grant
from bot.access.models.request_details import RequestDetails
from bot.access.models.requests import AccessRequest
from bot.access.ownership.aliases import read_aliases, withheld_aliases
from bot.access.policy.model import BUILT_IN
from bot.access.policy.names.exclusion import names_to_give
from bot.access.ports import Cluster, CredentialSpec, Privileges
from bot.access.store.store import Store


def covers_restricted(request: AccessRequest) -> bool:
    """Whether the role of a request covers system indices and hidden ones."""
    return bool((request.privileges or {}).get("restricted_indices"))


def spec_of(request: AccessRequest, grant: Grant) -> CredentialSpec:
    """Everything that the cluster stores, as it was stored last."""
    return CredentialSpec(
        grant_id=grant.id,
        username=grant.username,
        requester=request.requester,
        patterns=names_held(request),
        privileges=Privileges.restored(request.privileges),
        expires_at=grant.expires_at,
        withheld=tuple(grant.withheld or ()),
        excluded=tuple(request.excluded or ()),
        # Nobody signs in to Kibana with a key.
        opens_kibana=request.permission in BUILT_IN and request.kind is not CredentialKind.API_KEY,
    )


def spec_of_new_role(
    store: Store, cluster: Cluster, details: RequestDetails, grant: Grant, now: datetime
) -> CredentialSpec:
    """Everything that the cluster is to store with a role that is made now, without aliases of hidden indices.

    It has the name of the present attempt. Stores which aliases these are before the role is made. Raises `LostRace`,
    `Outage`, `Refusal`.
    """
    request = details.request
    if not covers_restricted(request):
        since = withheld_aliases(names_held(request), cluster.catalogue(), request.excluded or ())
        withheld = sorted({*read_aliases(request.aliases).withheld, *since})
        names_to_give(names_held(request), withheld)
        if withheld != (grant.withheld or []):
            with store.writing() as write:
                write.change(
                    grant, "grant.aliases_withheld", APPLICATION, now, {"aliases": withheld}, withheld=withheld
                )
    return replace(spec_of(request, grant), username=grant.new_username)
