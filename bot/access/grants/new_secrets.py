"""Makes the secrets of grants, so that a call of a dead process cannot undo them however late it takes effect.

A secret is made under the name in use only if every earlier call for it was answered. Otherwise it is made under the
name of a new attempt, and what the others left is removed once it was delivered.
"""

from collections.abc import Callable
from dataclasses import dataclass

from bot.access.errors import Fault, Gone, Outage
from bot.access.grants.specs import spec_of, spec_of_new_role
from bot.access.ids import APPLICATION
from bot.access.models.columns import CredentialKind, Delivery
from bot.access.models.grants import Grant
from bot.access.models.request_details import RequestDetails
from bot.access.passwords import new_password
from bot.access.ports import Clock, Cluster, Clusters, Credential, CredentialSpec
from bot.access.states import EndReason
from bot.access.store.store import Store

FAULTS = {
    Fault.NOT_ACCEPTED: EndReason.NOT_ACCEPTED,
    Fault.NOT_EVALUATED: EndReason.NOT_EVALUATED,
    Fault.GIVES_LESS: EndReason.GIVES_LESS,
    Fault.NOT_LIMITED: EndReason.NOT_LIMITED,
}
"""How a grant ends whose new secret does not work."""

Deliver = Callable[[Credential], None]
"""Shows a secret to its requester. May raise `LostRace`, `Outage`, `Refusal`."""


@dataclass(frozen=True)
class NewSecrets:
    """Makes secrets.

    Each method raises `Unusable` if the secret does not work, `Unanswered` if a call may still take effect, and
    `Outage`, `Refusal`.
    """

    store: Store
    clusters: Clusters
    clock: Clock

    def first(self, details: RequestDetails, grant: Grant) -> Credential | None:
        """The first secret of a grant. If it is revealed on a click, no secret is known before that."""
        revealed = details.request.delivery is Delivery.REVEAL
        cluster, password = self.clusters[details.request.integration], new_password()
        spec = self._spec(cluster, details, grant)
        if details.request.kind is CredentialKind.API_KEY:
            return None if revealed else cluster.grant_key(spec, password, alone=True)
        cluster.create(spec, password)
        return None if revealed else Credential(spec.username, password)

    def replacement(self, details: RequestDetails, grant: Grant, deliver: Deliver) -> Credential:
        """Replaces the secret. The old one is removed only after its successor was delivered, where both can exist.

        Raises `Gone` if the user was removed.
        """
        if grant.attempt != grant.attempt_in_use:
            credential = self._under_new_name(details, grant, deliver)
        elif details.request.kind is CredentialKind.PASSWORD:
            credential = self._new_password(details, grant, deliver)
        else:
            credential = self._new_key(details, grant, deliver)
        self.end_others(details, grant)
        return credential

    def end_others(self, details: RequestDetails, grant: Grant) -> None:
        """Removes what attempts other than the present one may have left in the cluster. Raises `Outage`."""
        names = [each for each in grant.usernames if each != grant.new_username]
        if not names:
            return
        receipts = self.clusters[details.request.integration].remove(names)
        left = [receipt for receipt in receipts if not (receipt.complete or receipt.foreign)]
        if left:
            raise Outage("; ".join(left[0].errors) or "what an earlier attempt made is still there")

    def _new_password(self, details: RequestDetails, grant: Grant, deliver: Deliver) -> Credential:
        password = new_password()
        ended = self.clusters[details.request.integration].renew(spec_of(details.request, grant), password)
        credential = Credential(grant.username, password, tokens_ended=ended)
        deliver(credential)
        return credential

    def _new_key(self, details: RequestDetails, grant: Grant, deliver: Deliver) -> Credential:
        cluster = self.clusters[details.request.integration]
        credential = cluster.grant_key(self._spec(cluster, details, grant), new_password())
        deliver(credential)
        cluster.end_other_keys(grant.username, keep=credential.key_id or "")
        return credential

    def _under_new_name(self, details: RequestDetails, grant: Grant, deliver: Deliver) -> Credential:
        cluster, password = self.clusters[details.request.integration], new_password()
        spec = self._spec(cluster, details, grant)
        if details.request.kind is CredentialKind.API_KEY:
            credential = cluster.grant_key(spec, password, alone=True)
        else:
            if not cluster.exists(grant.username, None):
                raise Gone(f"the user {grant.username} was removed")
            cluster.create(spec, password)
            credential = Credential(spec.username, password)
        deliver(credential)
        # Stored before the old user is removed: a process that dies in between would take it for removed by hand.
        with self.store.writing() as write:
            write.change(
                grant, "grant.renamed", APPLICATION, self.clock.now(), {"username": spec.username},
                attempt_in_use=grant.attempt, key_id=credential.key_id,
            )  # fmt: skip
        return credential

    def _spec(self, cluster: Cluster, details: RequestDetails, grant: Grant) -> CredentialSpec:
        return spec_of_new_role(self.store, cluster, details, grant, self.clock.now())
