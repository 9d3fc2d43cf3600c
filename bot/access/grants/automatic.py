"""Automatic access flows: members of a group have access without asking, for as long as they are members."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

import structlog

from bot.access.accounts.identity import OwnAccounts
from bot.access.claims import AUTOMATIC_GRANTS_CLAIM
from bot.access.errors import Conflict, LostRace, NotAllowed, Outage, Refusal
from bot.access.grants.service import Grants
from bot.access.ids import APPLICATION
from bot.access.lifecycle.requests import extend_grant
from bot.access.models.columns import CredentialKind
from bot.access.models.request_details import RequestDetails
from bot.access.models.requests import AccessRequest
from bot.access.owners import notified_owners
from bot.access.ownership.aliases import leading_out
from bot.access.policy.access_flow import AccessFlow
from bot.access.policy.current import CurrentPolicy
from bot.access.policy.decision import Question, find_denial, may_be_denied
from bot.access.policy.model import Integration, Policy
from bot.access.policy.names.exclusion import leaves_out
from bot.access.ports import Clock, Clusters, Directory
from bot.access.requests.approvals import Approvals
from bot.access.requests.membership import membership_of
from bot.access.requests.preview import matched
from bot.access.states import LIVE, EndReason
from bot.access.store.store import Store

log = structlog.get_logger(__name__)

EXTEND_IN_LAST = 0.5
"""Share of a grant's length: a member's access is extended once less than this is left, so it never lapses."""

LOOK_AGAIN = timedelta(minutes=1)
"""Until a member's own account is looked up again that could not be given anything. Each look is a call to Slack."""


@dataclass(frozen=True)
class AutomaticGrants:
    """Compares members with grants, and gives, extends or ends access."""

    store: Store
    directory: Directory
    current: CurrentPolicy
    approvals: Approvals
    grants: Grants
    clusters: Clusters
    clock: Clock
    accounts: OwnAccounts
    _without_account: dict[tuple[str, str], datetime] = field(default_factory=dict)
    """Members whose own account cannot be given anything, and when they are looked up again."""

    def integrations(self) -> Sequence[str]:
        """The integrations to look at: those of the policy, and earlier ones that automatic grants are left of."""
        with self.store.reading() as read:
            given = read.automatic_integrations()
        return list(dict.fromkeys([*(each.name for each in self.current.policy.integrations), *given]))

    def run_once(self, only: str | None = None) -> None:
        """Runs all automatic flows once, for one integration or for each in turn.

        A group that cannot be read is left unchanged until it can.
        """
        for integration in self.integrations() if only is None else [only]:
            self._run(integration)

    def _run(self, integration: str) -> None:
        now = self.clock.now()
        policy = self.current.policy
        flows = [flow for flow in policy.access_flows if flow.automatic]
        with self.store.writing() as write:
            if not write.claim_duty(_duty(integration), now, now + AUTOMATIC_GRANTS_CLAIM):
                return
        with self.store.reading() as read:
            given = [each for each in read.automatic_grants() if each.request.integration == integration]
        for flow in flows:
            with suppress(Outage):
                self._settle(policy, flow, integration, [each for each in given if each.request.flow == flow.name], now)
        names = {flow.name for flow in flows}
        for details in given:
            if details.request.flow not in names:
                self._end(details, EndReason.FLOW_CHANGED)

    def _settle(
        self, policy: Policy, flow: AccessFlow, name: str, given: Sequence[RequestDetails], now: datetime
    ) -> None:
        integration = policy.find_integration(name)
        entitled, unknown = self._entitled(policy, flow, integration, now)
        applies = flow.when is None or flow.when.include(now)
        live = {details.request.requester: details for details in given}
        for member, details in live.items():
            if member not in entitled:
                self._end(details, EndReason.NOT_A_MEMBER)
            elif not _is_as_given(policy, flow, details.request):
                self._end(details, EndReason.FLOW_CHANGED)  # the next run gives access by the new terms
            elif applies:
                self._extend(flow, details, now)
        missing = sorted(entitled - live.keys() - unknown)
        if applies and missing and integration is not None and not self._leads_out(policy, flow, integration):
            for member in missing:
                # A large group is taken as Slack lists it, perhaps with people of other workspaces.
                if self.directory.belongs(member):
                    self._give(policy, flow, integration, member, now)

    def _entitled(
        self, policy: Policy, flow: AccessFlow, integration: Integration | None, now: datetime
    ) -> tuple[set[str], set[str]]:
        """Who must have access: the members, except those to whom a flow denies it. Raises `Outage`.

        Also those of them who must not get it yet: a flow may deny them the target of an alias, and the cluster does
        not answer.
        """
        members = self.directory.members(() if flow.requesters == "everyone" else flow.requesters).users
        if integration is None or not flow.is_for(integration.name):
            return set(), set()
        permission, excluded = policy.permission(flow.offers[0]), flow.exclude
        question = Question(integration, flow.patterns, permission, _length(flow), "", now, excluded=excluded)
        asked = [(member, membership_of(self.directory, member)) for member in members]
        targets: tuple[str, ...] | None = ()
        if any(may_be_denied(policy, question, member_of) for _, member_of in asked):
            targets = self._alias_targets(integration, flow)
        behind = replace(question, patterns=(*flow.patterns, *(targets or ())))
        found = {member for member, member_of in asked if find_denial(policy, behind, member_of) is None}
        if targets is not None:
            return found, set()
        return found, {member for member, member_of in asked if may_be_denied(policy, question, member_of)}

    def _alias_targets(self, integration: Integration, flow: AccessFlow) -> tuple[str, ...] | None:
        """The targets of the aliases that the flow covers; `None` if the cluster does not answer."""
        try:
            found = matched(flow.patterns, self.clusters[integration.name].look(flow.patterns))
        except (Outage, Refusal):
            return None
        left_out = leaves_out(flow.exclude)
        return tuple(sorted({target for each in found if not left_out(each) for target in each.targets}))

    def _leads_out(self, policy: Policy, flow: AccessFlow, integration: Integration) -> bool:
        """Whether an alias would give more than the patterns of the flow, or the cluster does not say."""
        try:
            catalogue = self.clusters[integration.name].look(flow.patterns)
        except (Outage, Refusal):
            return True
        restricted = policy.permission(flow.offers[0]).restricted_indices
        left_out = leaves_out(flow.exclude)
        leading = leading_out(flow.patterns, catalogue, restricted_indices=restricted)
        found = [each for each in leading if not left_out(each)]
        if found:
            log.warning(
                "an automatic access flow gives nothing: an alias leads out of its patterns",
                flow=flow.name, integration=integration.name, alias=found[0].name,
            )  # fmt: skip
        return bool(found)

    def _give(self, policy: Policy, flow: AccessFlow, integration: Integration, member: str, now: datetime) -> None:
        permission = policy.permission(flow.offers[0])
        kind = next(iter(integration.kinds(flow)), None)
        account = self._account_of(integration, member, now) if kind is CredentialKind.OWN_ACCOUNT else None
        if kind is None or (account is None and kind is CredentialKind.OWN_ACCOUNT):
            return
        request = AccessRequest(
            id="",
            requester=member,
            integration=integration.name,
            patterns=list(flow.patterns),
            excluded=list(flow.exclude) or None,
            permission=permission.name,
            duration=int(_length(flow).total_seconds()),
            kind=kind,
            account=account,
            delivery=flow.delivery,
            flow=flow.name,
            automatic=True,
            privileges=permission.stored(),
            # Nobody is asked, but someone must hear when access cannot be given or revoked.
            owners=list(notified_owners(self.directory, integration)),
            created_at=now,
            pending_until=now,
        )
        with suppress(Conflict), self.store.writing() as write:
            # Locked until the commit: a second process sees here what the first one gave.
            if not write.claim_duty(_duty(integration.name), now, now + AUTOMATIC_GRANTS_CLAIM):
                return
            if write.has_or_gave_back(flow.name, member, integration.name, now):
                return
            request = write.file(request)
            write.audit("request.automatic", APPLICATION, now, request.id, flow=flow.name, requester=member)
            self.approvals.approve_by_rule(write, request, now)

    def _account_of(self, integration: Integration, member: str, now: datetime) -> dict[str, str] | None:
        """The member's own account; `None` if nothing can be given to it now."""
        if self._without_account.get((integration.name, member), now) > now:
            return None
        try:
            account = self.accounts.account_of(member, integration)
        except (NotAllowed, Outage) as error:
            log.warning(
                "an automatic access flow gives a member nothing",
                integration=integration.name, member=member, error=str(error),
            )  # fmt: skip
            self._without_account[integration.name, member] = now + LOOK_AGAIN
            return None
        return {"username": account.username, "realm": account.realm}

    def _extend(self, flow: AccessFlow, details: RequestDetails, now: datetime) -> None:
        grant = details.grant
        if grant is None or grant.expires_at - now > _length(flow) * EXTEND_IN_LAST:
            return
        with suppress(LostRace), self.store.writing() as write:  # it has changed; the next run looks again
            extend_grant(write, grant, now + _length(flow) - grant.expires_at, APPLICATION, now, automatic=True)

    def _end(self, details: RequestDetails, end: EndReason) -> None:
        if details.grant is not None and details.grant.state in LIVE:
            with suppress(LostRace):  # it has changed since; the next run looks again
                self.grants.end(details.grant, end, APPLICATION)


def _is_as_given(policy: Policy, flow: AccessFlow, request: AccessRequest) -> bool:
    """Whether the flow would give the same today."""
    return (request.patterns, request.excluded or [], request.privileges) == (
        list(flow.patterns),
        list(flow.exclude),
        policy.permission(flow.offers[0]).stored(),
    )


def _duty(integration: str) -> str:
    return f"automatic {integration}"


def _length(flow: AccessFlow) -> timedelta:
    return flow.default_duration or flow.max_duration
