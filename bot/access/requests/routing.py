"""Routing: finds a request's access flow, its approvers and the resources that it covers. Changes nothing."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from itertools import filterfalse

from bot.access.accounts.account import Account
from bot.access.accounts.identity import OwnAccounts
from bot.access.errors import InvalidRequest, NotAllowed, Outage, Refusal, RequestField
from bot.access.models.columns import CredentialKind
from bot.access.owners import notified_owners, people_to_ask
from bot.access.ownership.aliases import SeenAliases, given_of, see_aliases
from bot.access.ownership.memory import OwnerMemory
from bot.access.people import Members
from bot.access.policy.access_flow import AccessFlow
from bot.access.policy.current import CurrentPolicy
from bot.access.policy.decision import (
    Decision,
    Question,
    decide,
    find_denial,
    may_be_denied,
)
from bot.access.policy.model import Permission
from bot.access.policy.names.exclusion import excluded_under, leaves_out
from bot.access.policy.names.selectors import is_failure_store
from bot.access.policy.owner_groups import OwnerGroup, integration_group, owner_groups
from bot.access.policy.patterns import covers, nearest, unmatched
from bot.access.policy.visibility import visibility_of
from bot.access.ports import Catalogue, Clock, Clusters, Directory, Resource
from bot.access.requests.allowing_flow import flow_and_duration, raise_refusal
from bot.access.requests.approver_eligibility import eligible_approvers, raise_no_approver
from bot.access.requests.drafts import ParsedRequest
from bot.access.requests.less.licence import check_can_limit
from bot.access.requests.membership import check_belongs, check_for_others, membership_of
from bot.access.requests.preview import (
    Preview,
    given,
    matched,
    owned,
    preview,
    resolved_names,
    with_failure_store,
    without_excluded,
)


@dataclass(frozen=True)
class Plan:
    """The route of a request. `asked` are the people who get a message. `problems` name the unusable owners.

    `preview` is `None` when the cluster did not answer and the flow does not depend on it; `aliases` are then, too.
    `resolved` are the names that the role will hold instead of the patterns. `by_rule`: nobody is asked; `watchers` get
    a message if the grant fails, or at once if they have to review it. The role leaves out names under `excluded`;
    `left_out` are those of these patterns that concern the request. `account` is the requester's own one that gets the
    access, once it was looked up.
    """

    flow: AccessFlow
    duration: timedelta
    groups: tuple[OwnerGroup, ...]
    asked: tuple[str, ...]
    preview: Preview | None
    kind: CredentialKind
    permission: Permission
    resolved: tuple[str, ...] | None = None
    problems: tuple[str, ...] = ()
    watchers: tuple[str, ...] = ()
    by_rule: bool = False
    aliases: SeenAliases | None = None
    excluded: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()
    account: Account | None = None

    @property
    def any_group(self) -> bool:
        """Whether one group is enough for each pattern of the request."""
        return self.flow.groups == "any"


@dataclass(frozen=True)
class Routing:
    """Plans requests by the current policy, catalogue and directory."""

    clusters: Clusters
    directory: Directory
    current: CurrentPolicy
    clock: Clock
    accounts: OwnAccounts
    memory: OwnerMemory | None = None
    """Without it owners count as the cluster names them: for a command beside a database that is not there yet."""

    def plan(self, parsed: ParsedRequest, *, fresh: bool = True, unfinished: bool = False) -> Plan:
        """The flow, the people and the preview. Raises `AccessError` for a request that is not allowed, and `Outage`.

        `fresh`: the resources as they are now, for a plan that is acted upon; otherwise as they were within the last
        minute, for one that is shown. `unfinished`: the requester is still filling in the form, so a missing or
        excessive duration and an unsuitable reason are no errors yet.
        """
        check_belongs(self.directory, parsed.requester)
        flow, duration = flow_and_duration(self.decide(parsed), parsed, unfinished=unfinished)
        check_for_others(self.directory, flow, parsed.asked_by)
        check_can_limit(self.clusters, parsed.integration.name, parsed.permission)
        by_rule = flow.by_rule(extension=parsed.extension, first_flow=parsed.first_flow)
        plan = self._plan_resources(flow, duration, parsed, by_rule=by_rule, fresh=fresh)
        if by_rule and not flow.break_glass:
            return replace(plan, groups=(), problems=(), watchers=notified_owners(self.directory, parsed.integration))
        groups, unusable = self._approving_groups(plan.groups, flow, parsed)
        people = people_to_ask(groups)
        asked, watchers = ((), people) if by_rule else (people, ())
        problems = (*plan.problems, *unusable)
        return replace(plan, groups=groups, asked=asked, problems=problems, watchers=watchers)

    def decide(self, parsed: ParsedRequest) -> Decision:
        """The policy's verdict. Raises `Outage`."""
        member_of = membership_of(self.directory, parsed.requester)
        return decide(self.current.policy, self._question(parsed, parsed.patterns), member_of)

    def _question(self, parsed: ParsedRequest, patterns: tuple[str, ...]) -> Question:
        asked = (parsed.integration, patterns, parsed.permission, parsed.duration, parsed.reason)
        return Question(*asked, self.clock.now(), parsed.kind, parsed.break_glass, parsed.filed_at, parsed.excluded)

    def _plan_resources(
        self, flow: AccessFlow, duration: timedelta, parsed: ParsedRequest, *, by_rule: bool, fresh: bool
    ) -> Plan:
        """The plan as far as it depends on the resources that match; its groups have no people yet."""
        kind = parsed.kind or parsed.integration.kinds(flow)[0]
        by_name = flow.scope == "resolved" or parsed.resolved is not None
        excluded = tuple(dict.fromkeys((*parsed.excluded, *flow.exclude)))
        failures = is_failure_store(parsed.permission.stored())
        required = by_rule or by_name or failures or bool(excluded) or self._depends_on_resources(flow, parsed)
        catalogue = self._read_catalogue(parsed, fresh=fresh, required=required)
        if catalogue is None:
            groups, problems = owner_groups(flow, parsed.integration, [], parsed.patterns)
            return Plan(flow, duration, groups, (), None, kind, parsed.permission, None, problems, by_rule=by_rule)
        restricted = parsed.permission.restricted_indices
        found = given(parsed.patterns, parsed.resolved, catalogue)
        resources, withheld = given_of(
            parsed.resolved or parsed.patterns, found, excluded, flow.name, restricted_indices=restricted
        )
        self._check_alias_targets(flow, parsed, resources, catalogue, by_rule=by_rule)
        resources = with_failure_store(parsed.patterns, resources, catalogue) if failures else resources
        if self.memory is not None and _is_by_resource(flow, parsed):
            alone = flow.groups == "any"
            cluster = self.clusters[parsed.integration.name]
            resources = self.memory.counting(parsed.integration, resources, catalogue, cluster, alone=alone)
        everything = owned(parsed.patterns, resources, catalogue, grows=not by_name, excluded=excluded)
        groups, problems = owner_groups(flow, parsed.integration, everything, parsed.patterns)
        seen = preview(parsed.patterns, resources, catalogue, grows=not by_name)
        resolved = (without_excluded(parsed.resolved, excluded) or resolved_names(resources)) if by_name else None
        asks_owners = flow.owners == "resource" and (not by_rule or flow.break_glass)
        # Where one owner of several is enough, it is not known which of the others has agreed.
        asked = [each.owner for each in everything if flow.groups == "all"] if asks_owners else None
        pointing = filterfalse(leaves_out(excluded), (*matched(parsed.patterns, catalogue), *resources))
        aliases = see_aliases(parsed.patterns, resolved, pointing, asked, withheld, restricted_indices=restricted)
        return Plan(
            flow, duration, groups, (), seen, kind, parsed.permission, resolved, problems, by_rule=by_rule,
            aliases=aliases, excluded=excluded, left_out=excluded_under(parsed.patterns, excluded),
        )  # fmt: skip

    def _depends_on_resources(self, flow: AccessFlow, parsed: ParsedRequest) -> bool:
        """Whether the decision needs the resources behind the names: their owners, or the targets of aliases."""
        if _is_by_resource(flow, parsed) or flow.names_owners:
            return True
        member_of = membership_of(self.directory, parsed.requester)
        return may_be_denied(self.current.policy, self._question(parsed, parsed.patterns), member_of)

    def _check_alias_targets(
        self, flow: AccessFlow, parsed: ParsedRequest, resources: Sequence[Resource], catalogue: Catalogue, *,
        by_rule: bool,
    ) -> None:  # fmt: skip
        """Raises `NotAllowed` if the policy denies the target of an alias, or a rule or named owners do not cover it.

        Access to an alias is access to its targets, and to a data stream to the indices put into it. The names of a
        resolved request may be such targets. An index inside a data stream is denied with it.
        """
        behind = {target for each in resources for target in each.targets}
        targets = tuple(sorted(behind.union(parsed.resolved or ())))
        reached = behind.union(each.name for each in resources)
        streams = {each.stream for each in catalogue.resources if each.stream is not None and each.name in reached}
        if not targets and not streams:
            return
        member_of = membership_of(self.directory, parsed.requester)
        question = self._question(parsed, tuple(sorted({*targets, *streams})))
        denied = find_denial(self.current.policy, question, member_of)
        if denied is not None:
            raise_refusal(denied, parsed)
        if by_rule or flow.names_owners:
            restricted = parsed.permission.restricted_indices
            for name in targets:
                if not any(covers(pattern, name, hidden=restricted) for pattern in flow.patterns):
                    # Not which data: the requester may not be allowed to know of it.
                    why = f"A name in it points to data that the access flow “{flow.name}” does not cover."
                    raise NotAllowed(why, "/es-access resources", RequestField.PATTERNS)

    def _read_catalogue(self, parsed: ParsedRequest, *, fresh: bool, required: bool) -> Catalogue | None:
        """What the patterns match; `None` if it is not required and the cluster does not answer.

        Raises `InvalidRequest` for a pattern that matches nothing, and `Outage`.
        """
        try:
            cluster = self.clusters[parsed.integration.name]
            if not fresh:
                catalogue = cluster.catalogue()
            if fresh or unmatched(parsed.patterns, _names_in(catalogue)):
                catalogue = cluster.look((*parsed.patterns, *(parsed.resolved or ())))
            missing = unmatched(parsed.patterns, _names_in(catalogue))
            known = self._visible_names(parsed, cluster.catalogue()) if missing else []
        except (Outage, Refusal) as error:
            if required:
                # A refusal, too, counts as an outage: the request waits until an administrator has fixed the cause.
                raise Outage(str(error)) from error
            return None  # the owners can decide by the pattern alone
        for pattern in missing:
            near = nearest(pattern, known)
            hint = f" Did you mean {', '.join(near)}?" if near else ""
            example = parsed.example_with(pattern, near[0]) if near else "/es-access resources"
            raise InvalidRequest(f"“{pattern}” matches nothing that exists.{hint}", example, RequestField.PATTERNS)
        return catalogue

    def _visible_names(self, parsed: ParsedRequest, catalogue: Catalogue) -> list[str]:
        """The names that the person who reads the answer may know of."""
        member_of = membership_of(self.directory, parsed.asked_by or parsed.requester)
        visibility = visibility_of(self.current.policy, parsed.integration, member_of, self.clock.now())
        return [each.name for each in visibility.visible(catalogue.resources)]

    def _approving_groups(
        self, groups: Sequence[OwnerGroup], flow: AccessFlow, parsed: ParsedRequest
    ) -> tuple[tuple[OwnerGroup, ...], list[str]]:
        """The groups with enough people to approve, and one sentence for each problem with the others.

        The integration owner approves for the resources of groups with too few people.
        """
        complete: list[OwnerGroup] = []
        problems: list[str] = []
        orphaned = 0
        for each in groups:
            group, members = self._look_up(each, flow, parsed)
            problems += [problem.text for problem in members.problems]
            if len(group.people) >= group.approvals:
                complete.append(group)
            else:
                problems += [] if members.problems else [f"{group.label}: not enough people who may approve"]
                orphaned += group.resources
        open_to = {pattern for group in complete for pattern in group.patterns}
        if open_to.issuperset(parsed.patterns) if flow.groups == "any" else len(complete) == len(groups):
            return tuple(complete), problems
        under = tuple(pattern for pattern in parsed.patterns if flow.groups == "all" or pattern not in open_to)
        fallback, members = self._look_up(integration_group(flow, parsed.integration, orphaned, under), flow, parsed)
        if len(fallback.people) < fallback.approvals:
            raise_no_approver(fallback, members.users, parsed)
        others = [group for group in complete if group.label != fallback.label]
        same = [group for group in complete if group.label == fallback.label]
        under = tuple(dict.fromkeys([*under, *(pattern for each in same for pattern in each.patterns)]))
        fallback = replace(fallback, resources=orphaned + sum(each.resources for each in same), patterns=under)
        return (*others, fallback), problems

    def _look_up(self, group: OwnerGroup, flow: AccessFlow, parsed: ParsedRequest) -> tuple[OwnerGroup, Members]:
        """The group with the people who may approve, and everybody behind its owners. Raises `Outage`."""
        members = self.directory.members(group.owners)
        people = eligible_approvers(members.users, parsed, self_approval=flow.self_approval)
        return replace(group, people=people), members


def _is_by_resource(flow: AccessFlow, parsed: ParsedRequest) -> bool:
    """Whether the owners of the resources decide, as the cluster names them."""
    return flow.owners == "resource" and parsed.integration.resource_owner is not None


def _names_in(catalogue: Catalogue) -> list[str]:
    return [each.name for each in catalogue.resources]
