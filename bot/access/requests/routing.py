"""Where a request goes: its access flow, who has to say yes, and what it covers. Changes nothing."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import zip_longest
from typing import NoReturn

from bot.access.durations import format_duration
from bot.access.errors import AccessError, Incomplete, InvalidRequest, NotAllowed, Outage, Refusal, RequestField
from bot.access.models.columns import CredentialKind
from bot.access.models.requests import AccessRequest
from bot.access.policy.current import MOST_ASKED, CurrentPolicy
from bot.access.policy.decision import (
    ABOUT,
    Decision,
    MemberOf,
    OwnerGroup,
    Question,
    Verdict,
    decide,
    denial,
    owner_groups,
)
from bot.access.policy.model import AccessFlow, Integration, Permission, Policy
from bot.access.policy.patterns import covers, nearest, unmatched
from bot.access.ports import Catalogue, Clock, Clusters, Directory, Resource
from bot.access.requests.membership import check_belongs
from bot.access.requests.on_behalf import check_for_others
from bot.access.requests.preview import Preview, matched, owned, preview

MOST_RESOLVED = 500
"""Names in a role of scope `resolved`: a longer list is a pattern that nobody has read."""

USUAL = timedelta(hours=1)
"""What is shown for a duration that nobody has named yet."""

_TO_BE_MENDED = frozenset({
    Verdict.NO_DURATION, Verdict.TOO_LONG, Verdict.NO_REASON, Verdict.REASON_OF_WRONG_SHAPE,
})  # fmt: skip
"""What is in the way when the flow is known, and another duration or reason would do."""


@dataclass(frozen=True)
class ParsedRequest:
    """A request, read and checked by itself, before anything is looked up.

    `duration` and `kind` are `None` for the flow's default. `extension`: it prolongs what was given. `asked_by` is who
    asks, where that is for somebody else. `break_glass`: without waiting for anybody, under a flow that has that.
    """

    requester: str
    integration: Integration
    patterns: tuple[str, ...]
    permission: Permission
    duration: timedelta | None
    reason: str
    kind: CredentialKind | None = None
    extension: bool = False
    asked_by: str | None = None
    break_glass: bool = False


@dataclass(frozen=True)
class Plan:
    """What becomes of a wish. `asked` are the people who get a message. `problems` say which owners were unusable.

    `preview` is `None` when the cluster could not be asked and did not have to be. `resolved` are the names that the
    role will hold instead of the patterns. `by_rule`: nobody is asked; `watchers` hear of it when it fails, or at once
    where they have to review it.
    """

    flow: AccessFlow
    duration: timedelta
    groups: tuple[OwnerGroup, ...]
    asked: tuple[str, ...]
    preview: Preview | None
    kind: CredentialKind
    resolved: tuple[str, ...] | None = None
    problems: tuple[str, ...] = ()
    watchers: tuple[str, ...] = ()
    by_rule: bool = False


@dataclass(frozen=True)
class Routing:
    """Answers what would become of a wish now. Raises `AccessError` for its requester, and `Outage`."""

    clusters: Clusters
    directory: Directory
    current: CurrentPolicy
    clock: Clock

    def plan(self, parsed: ParsedRequest, *, unfinished: bool = False) -> Plan:
        """The flow, the people and the preview. Raises `AccessError` where it may not be asked for.

        `unfinished`: somebody is still at it, so that a duration that is missing or too long for the flow, and a
        reason, do not stand in the way of what can be said already.
        """
        check_belongs(self.directory, parsed.requester)
        decision = self.decide(parsed)
        if unfinished and decision.verdict in _TO_BE_MENDED and decision.flow is not None:
            flow, duration = decision.flow, _within(decision.flow, parsed.duration)
        else:
            flow, duration = self._allowed(decision, parsed)
        check_for_others(self.directory, flow, parsed.asked_by)
        by_rule = flow.by_rule(extension=parsed.extension)
        kind = parsed.kind or flow.credentials[0]
        resolves = flow.scope == "resolved"
        by_resource = flow.owners == "resource" and parsed.integration.resource_owner is not None
        found = self._found(parsed, must_know=by_resource or resolves)
        if found is None:
            groups, problems = owner_groups(flow, parsed.integration, [])
            seen, resolved = None, None
        else:
            resources, catalogue = found
            self._check_behind(flow, parsed, resources, by_rule=by_rule)
            everything = owned(parsed.patterns, resources, catalogue, grows=not resolves)
            groups, problems = owner_groups(flow, parsed.integration, everything)
            seen = preview(parsed.patterns, resources, grows=not resolves)
            resolved = _names(resources) if resolves else None
        if by_rule and not flow.break_glass:
            watchers = self.directory.members(parsed.integration.owner).users[:MOST_ASKED]
            return Plan(flow, duration, (), (), seen, kind, resolved, watchers=watchers, by_rule=True)
        groups, more = self._reachable(groups, flow, parsed)
        problems, people = (*problems, *more), _in_turn(groups)
        asked, watchers = ((), people) if by_rule else (people, ())
        return Plan(flow, duration, groups, asked, seen, kind, resolved, problems, watchers, by_rule)

    def decide(self, parsed: ParsedRequest) -> Decision:
        """The policy's verdict. Raises `Outage`."""
        return decide(self.current.policy, self._question(parsed, parsed.patterns), self._member_of(parsed))

    def _question(self, parsed: ParsedRequest, patterns: tuple[str, ...]) -> Question:
        asked = (parsed.integration, patterns, parsed.permission, parsed.duration, parsed.reason)
        return Question(*asked, self.clock.now(), parsed.kind, parsed.break_glass)

    def _member_of(self, parsed: ParsedRequest) -> MemberOf:
        return lambda requesters: is_among(self.directory, requesters, parsed.requester)

    def _check_behind(
        self, flow: AccessFlow, parsed: ParsedRequest, resources: Sequence[Resource], *, by_rule: bool
    ) -> None:
        """An alias gives what it points to: that must not be denied, nor approved by a rule that does not cover it."""
        behind = tuple(sorted({target for each in resources for target in each.targets}))
        denied = (
            denial(self.current.policy, self._question(parsed, behind), self._member_of(parsed)) if behind else None
        )
        if denied is not None:
            _refuse(denied, parsed)
        if by_rule:
            for name in behind:
                if not any(covers(pattern, name) for pattern in flow.patterns):
                    why = f"An alias in it points to {name}, which the access flow “{flow.name}” does not cover."
                    raise NotAllowed(why, "/es-access resources", RequestField.PATTERNS)

    def _allowed(self, decision: Decision, parsed: ParsedRequest) -> tuple[AccessFlow, timedelta]:
        flow = decision.flow
        if not decision.allowed or flow is None:
            _refuse(decision, parsed)
        duration = parsed.duration or flow.default_duration
        if duration is None:
            raise AssertionError("a flow without a default duration allowed a request without one")
        return flow, duration

    def _found(self, parsed: ParsedRequest, *, must_know: bool) -> tuple[list[Resource], Catalogue] | None:
        try:
            cluster = self.clusters[parsed.integration.name]
            catalogue = cluster.catalogue()
            if unmatched(parsed.patterns, _all(catalogue)):
                catalogue = cluster.catalogue(fresh=True)
        except (Outage, Refusal) as error:
            if must_know:
                # A refusal too: the request waits for an administrator to mend it, as it does for an outage to end.
                raise Outage(str(error)) from error
            return None  # the request is worth filing all the same: the owners decide on the pattern
        for pattern in unmatched(parsed.patterns, _all(catalogue)):
            near = nearest(pattern, _all(catalogue))
            hint = f" Did you mean {', '.join(near)}?" if near else ""
            example = f"/es-access {near[0] if near else 'logs-*'} 1h"
            raise InvalidRequest(f"“{pattern}” matches nothing that exists.{hint}", example, RequestField.PATTERNS)
        return matched(parsed.patterns, catalogue), catalogue

    def _candidates(self, owners: Sequence[str], flow: AccessFlow, parsed: ParsedRequest) -> tuple[str, ...]:
        """Who of these may decide that. Raises `Outage`."""
        users = self.directory.members(owners).users
        theirs = () if flow.self_approval else (parsed.requester, parsed.asked_by)
        return tuple(user for user in users if user not in theirs)

    def _reachable(
        self, groups: Sequence[OwnerGroup], flow: AccessFlow, parsed: ParsedRequest
    ) -> tuple[tuple[OwnerGroup, ...], list[str]]:
        """The groups that can say yes. What belongs to another falls to the integration owner, and it is said."""
        reachable: list[OwnerGroup] = []
        problems: list[str] = []
        orphaned = 0
        for group in groups:
            people = self._candidates(group.owners, flow, parsed)
            said = self.directory.members(group.owners).problems
            problems += said
            if len(people) >= group.approvals:
                reachable.append(replace(group, people=people))
            else:
                problems += [] if said else [f"{group.label}: not enough people who may approve"]
                orphaned += group.resources
        if len(reachable) == len(groups) or (reachable and flow.groups == "any"):
            return tuple(reachable), problems
        last = OwnerGroup(parsed.integration.name, parsed.integration.owner, flow.approvals, orphaned)
        last = replace(last, people=self._candidates(last.owners, flow, parsed))
        if len(last.people) < last.approvals:
            self._nobody(last, parsed)
        others = [group for group in reachable if group.label != last.label]
        same = [group for group in reachable if group.label == last.label]
        return (*others, replace(last, resources=orphaned + sum(each.resources for each in same))), problems

    def _nobody(self, group: OwnerGroup, parsed: ParsedRequest) -> NoReturn:
        users = self.directory.members(group.owners).users
        if users == (parsed.requester,):
            why = "You are its only owner, and nobody approves their own request."
        elif users:
            why = f"It takes {group.approvals} owners, and there are not so many."
        else:
            why = "None of its owners can be reached in Slack."
        do = "review" if parsed.break_glass else "approve"
        raise AccessError(
            f"Nobody can {do} this: {why} Ask an administrator to add an owner to the integration {group.label}."
        )


def is_among(directory: Directory, requesters: Sequence[str], person: str) -> bool | None:
    """Whether that person is one of these; `None` when one of them is not to be found. Raises `Outage`."""
    inclusion = directory.includes(requesters, person)
    return True if inclusion.found else False if inclusion.certain else None


def check_still_allowed(policy: Policy, directory: Directory, request: AccessRequest, now: datetime) -> None:
    """The policy may have changed since it was asked for, and its requester may have left a group.

    Raises `NotAllowed` for whoever is about to approve it, and `Outage`.
    """
    integration = next((each for each in policy.integrations if each.name == request.integration), None)
    permission = next((each for each in policy.permissions if each.name == request.permission), None)
    flow = policy.flow(request.flow)

    def member_of(requesters: Sequence[str]) -> bool | None:
        return is_among(directory, requesters, request.requester)

    if integration is not None and permission is not None:
        patterns = tuple(request.resolved or request.patterns)
        question = Question(integration, patterns, permission, request.length, request.reason, now)
        denied = denial(policy, question, member_of)
        if denied is not None:
            raise NotAllowed(f"{denied.why} {request.id} was asked for before that, and cannot be approved any more.")
    if flow is not None and flow.requesters != "everyone" and member_of(flow.requesters) is False:
        raise NotAllowed(f"<@{request.requester}> no longer belongs to those who may ask under “{flow.name}”.")


def _in_turn(groups: Sequence[OwnerGroup]) -> tuple[str, ...]:
    """Up to `MOST_ASKED` people, taken from each group in turn, and one of each group however many there are."""
    rounds = zip_longest(*(group.people for group in groups))
    asked = dict.fromkeys(person for each in rounds for person in each if person is not None)
    return tuple(asked)[: max(MOST_ASKED, len(groups))]


def _within(flow: AccessFlow, duration: timedelta | None) -> timedelta:
    """That duration, or what stands in for it until somebody names one that the flow allows."""
    return min(duration or flow.default_duration or USUAL, flow.max_duration)


def _all(catalogue: Catalogue) -> list[str]:
    return [each.name for each in catalogue.resources]


def _names(resources: Sequence[Resource]) -> tuple[str, ...]:
    if len(resources) > MOST_RESOLVED:
        raise InvalidRequest(
            f"That is {len(resources)} names, and at most {MOST_RESOLVED} are given by name. Ask for less.",
            "/es-access logs-web-* 1h",
            RequestField.PATTERNS,
        )
    return tuple(each.name for each in resources)


def _refuse(decision: Decision, parsed: ParsedRequest) -> NoReturn:
    pattern = ",".join(parsed.patterns)
    flag = "--break-glass " if parsed.break_glass else ""
    limit = decision.flow.max_duration if decision.flow else timedelta(hours=1)
    examples = {
        Verdict.NO_DURATION: f"/es-access {pattern} 1h",
        Verdict.TOO_LONG: f"/es-access {pattern} {format_duration(min(limit, timedelta(hours=1)))}",
        Verdict.CREDENTIAL_NOT_OFFERED: f"/es-access {pattern} 1h",
        Verdict.NO_REASON: f"/es-access {pattern} 1h {parsed.permission.name} {flag}fixing INC-42",
        Verdict.REASON_OF_WRONG_SHAPE: f"/es-access {pattern} 1h {parsed.permission.name} {flag}fixing INC-42",
    }
    about = ABOUT.get(decision.verdict)
    if decision.verdict in examples:
        kind = Incomplete if decision.verdict in {Verdict.NO_DURATION, Verdict.NO_REASON} else InvalidRequest
        raise kind(decision.why, examples[decision.verdict], about)
    raise NotAllowed(decision.why, "/es-access resources", about)
