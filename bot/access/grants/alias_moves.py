"""Aliases that move: notices when an alias under live access points to more than its owners approved.

The access flow then says whether the access ends, or stays and the old and new owners are told. Access to denied or
hidden data always ends.
"""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import timedelta

from bot.access.audit.terms import names_held
from bot.access.claims import ALIASES_CLAIM, NARROW_CLAIM
from bot.access.errors import LostRace, Outage, Refusal
from bot.access.grants.alias_notices import AliasNotices, Finding, ended, kept
from bot.access.grants.own_accounts.personal_roles import PersonalRoles
from bot.access.grants.specs import covers_restricted, spec_of
from bot.access.ids import APPLICATION
from bot.access.lifecycle.grants import end_grant, release
from bot.access.models.columns import FREE, CredentialKind
from bot.access.models.grants import Grant
from bot.access.models.requests import AccessRequest, AskedGroup
from bot.access.ownership.aliases import (
    NONE_SEEN,
    AliasTargets,
    Move,
    SeenAliases,
    not_approved,
    read_aliases,
    with_move,
)
from bot.access.ownership.memory import OwnerMemory
from bot.access.policy.access_flow import AccessFlow
from bot.access.policy.current import CurrentPolicy
from bot.access.policy.decision import Question, find_denial
from bot.access.policy.model import Integration, Permission
from bot.access.policy.names.exclusion import is_excluded, names_left
from bot.access.policy.owner_groups import OwnerGroup
from bot.access.policy.patterns import is_dotted, matcher
from bot.access.ports import Clock, Clusters, Directory
from bot.access.requests.membership import membership_of
from bot.access.states import EndReason, GrantState
from bot.access.store.store import Store

_BATCH = 500


@dataclass(frozen=True)
class AliasMoves:
    """Compares the aliases of live access with the approved ones."""

    store: Store
    clusters: Clusters
    directory: Directory
    memory: OwnerMemory
    current: CurrentPolicy
    clock: Clock
    roles: PersonalRoles

    def run_once(self, only: str | None = None) -> None:
        """Looks at one cluster, or at each in turn. A decision for which Slack or the cluster does not answer waits for
        the next look.
        """
        for each in self.current.policy.integrations:
            if only in {None, each.name}:
                self._look_at(each)

    def _look_at(self, integration: Integration) -> None:
        if not self._claim(integration, ALIASES_CLAIM):
            return
        with suppress(Outage, Refusal):
            self._check_all(integration)
        self._claim(integration, timedelta(0))

    def _claim(self, integration: Integration, length: timedelta) -> bool:
        now = self.clock.now()
        with self.store.writing() as write:
            return write.claim_duty(f"aliases {integration.name}", now, now + length)

    def _check_all(self, integration: Integration) -> None:
        """Checks the live access of one cluster, whose aliases are read only if there is any. Raises `Outage`,
        `Refusal`.
        """
        aliases: AliasTargets | None = None
        after = ""
        while self._claim(integration, ALIASES_CLAIM):
            with self.store.reading() as read:
                page = read.active_access(integration.name, after, _BATCH)
            if page and aliases is None:
                aliases = self._read_aliases(integration)
            if not aliases:
                return
            for grant, request in page:
                with suppress(LostRace, Outage, Refusal):
                    self._check(integration, grant, request, aliases)
            if len(page) < _BATCH:
                return
            after = page[-1][0].id

    def _read_aliases(self, integration: Integration) -> AliasTargets:
        """All aliases of a cluster, with the owners who count. Raises `Outage`, `Refusal`."""
        cluster = self.clusters[integration.name]
        catalogue = cluster.look(("*",))
        if integration.resource_owner is not None:
            counting = self.memory.counting(integration, catalogue.resources, catalogue, cluster)
            catalogue = replace(catalogue, resources=tuple(counting))
        return AliasTargets(catalogue)

    def _check(self, integration: Integration, grant: Grant, request: AccessRequest, aliases: AliasTargets) -> None:
        if not request.flow:
            return  # adopted from the cluster: its approval was lost with the database
        seen = read_aliases(request.aliases)
        excluded, restricted = request.excluded or (), covers_restricted(request)
        moves = aliases.moves(names_held(request), seen, grant.withheld or (), excluded, restricted_indices=restricted)
        if not moves:
            return
        gone = matcher(excluded, hidden=True)
        hidden = [
            move.alias for move in moves if (move.hidden and not restricted) or (excluded and any(map(gone, move.now)))
        ]
        if hidden and self._withhold(grant, request, hidden):
            moves = [move for move in moves if move.alias not in hidden]
        flow = self.current.policy.flow(request.flow)
        if request.aliases is None and flow is not None and flow.owners == "resource":
            seen = self._asked_about(request, integration)
        if grant.extensions:
            seen = self._with_extensions(grant, seen)
        findings = [found for move in moves if (found := self._judge(integration, request, flow, move, seen))]
        if not findings:
            return
        ends = flow is None or flow.alias_moves == "end" or any(each.final for each in findings)
        (self._end if ends else self._keep)(request, grant, findings, AliasNotices(self.directory, integration, flow))

    def _asked_about(self, request: AccessRequest, integration: Integration) -> SeenAliases:
        """The owners who were asked, for access that an earlier version approved without a look at its aliases."""
        with self.store.reading() as read:
            groups = [tuple(each.owners) for each in read.request_details(request.id).groups if not each.escalation]
        asked = tuple(None if owners == integration.owner else ", ".join(owners) for owners in groups)
        return replace(NONE_SEEN, asked=asked) if asked and integration.resource_owner is not None else NONE_SEEN

    def _with_extensions(self, grant: Grant, seen: SeenAliases) -> SeenAliases:
        """The aliases approved with the request or one of its extensions, each of which was a decision of its own.

        An extension by rule asked no owner, so it approves nothing for them.
        """
        with self.store.reading() as read:
            extensions = read.approved_extensions(grant.id)
        for each in extensions:
            if each.aliases is not None and (seen.asked is None or each.decided_by != APPLICATION):
                seen = seen.plus(read_aliases(each.aliases))
        return seen

    def _judge(
        self, integration: Integration, request: AccessRequest, flow: AccessFlow | None, move: Move, seen: SeenAliases
    ) -> Finding | None:
        """Why the move matters; `None` if everybody who has to has agreed. Raises `Outage`."""
        if move.hidden and not covers_restricted(request):
            what = "system indices" if is_dotted(move.alias) else "indices with a leading dot"
            return Finding(move, move.hidden, f"and {what} are never given", final=True)
        left_out = tuple(target for target in move.now if is_excluded(target, request.excluded or ()))
        if left_out:
            return Finding(move, left_out, f"which the access flow “{request.flow}” excludes", final=True)
        permission = Permission.restored(request.permission, request.privileges)
        question = Question(integration, move.now, permission, request.length, request.reason, self.clock.now())
        denied = find_denial(self.current.policy, question, membership_of(self.directory, request.requester))
        if denied is not None:
            return Finding(move, move.now, f"which is denied: {denied.why.rstrip('.')}", final=True)
        others = not_approved(move, seen, flow)
        if not others:
            return None
        if seen.asked is not None:
            return Finding(move, others, f"whose owners did not approve {request.id}", final=False)
        return Finding(move, others, f"which the access flow “{request.flow}” does not cover", final=False)

    def _withhold(self, grant: Grant, request: AccessRequest, hidden: Sequence[str]) -> bool:
        """Takes aliases out of the role. Returns False if that cannot be done: the access has to end.

        An API key keeps the role that it was made with. Raises `LostRace`, `Outage`, `Refusal`.
        """
        withheld = sorted({*(grant.withheld or ()), *hidden})
        named = set(hidden) & set(names_held(request))
        if request.kind is CredentialKind.API_KEY or named or not names_left(names_held(request), withheld):
            return False
        now = self.clock.now()
        with self.store.writing() as write:
            claimed = write.claim_grant(grant.id, now, now + NARROW_CLAIM)
            if claimed is None or claimed.state is not GrantState.ACTIVE:
                raise LostRace(grant.id)

        def record() -> None:
            with self.store.writing() as write:
                write.change(
                    claimed, "grant.aliases_withheld", APPLICATION, now, {"aliases": list(hidden)},
                    withheld=withheld, due_at=claimed.due_at, **FREE,
                )  # fmt: skip

        try:
            spec = replace(spec_of(request, claimed), withheld=tuple(withheld))
            if request.kind is CredentialKind.OWN_ACCOUNT:
                self.roles.rewrite(request, spec, record)
            else:
                self.clusters[request.integration].narrow(spec)
                record()
        except LostRace:
            with self.store.writing() as write:
                release(write, claimed, now)
            raise
        except (Outage, Refusal):
            with self.store.writing() as write:
                write.postpone(claimed, claimed.due_at or now)  # due when it was before
            raise
        grant.version, grant.withheld = claimed.version, claimed.withheld
        return True

    def _end(self, request: AccessRequest, grant: Grant, findings: Sequence[Finding], notices: AliasNotices) -> None:
        now = self.clock.now()
        # Access ends even while Slack does not answer who the new owners are.
        groups = notices.groups_if_known(findings)
        with self.store.writing() as write:
            end_grant(write, grant, EndReason.ALIAS_MOVED, APPLICATION, now)
            for each in findings:
                write.audit("grant.alias_moved", APPLICATION, now, grant.id, **each.audited(kept=False))
            notices.send(write, request, groups, findings, ended(request), now)

    def _keep(self, request: AccessRequest, grant: Grant, findings: Sequence[Finding], notices: AliasNotices) -> None:
        now = self.clock.now()
        groups = notices.groups(findings)
        told = read_aliases(request.aliases)
        for each in findings:
            told = with_move(told, each.move)
        with self.store.writing() as write:
            for each in findings:
                write.change(grant, "grant.alias_moved", APPLICATION, now, each.audited(kept=True))
            write.record_aliases(request, told.stored())
            for group in groups:
                write.add(_told_group(request, group))  # so that they may see the access and end it
            notices.send(write, request, groups, findings, kept(request), now)


def _told_group(request: AccessRequest, group: OwnerGroup) -> AskedGroup:
    return AskedGroup(
        request_id=request.id,
        label=group.label[:255],
        owners=list(group.owners),
        asked=list(group.people),
        approvals=group.approvals,
        resources=group.resources,
    )
