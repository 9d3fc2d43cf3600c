"""The text that `bot explain` and `bot discover` print."""

from collections.abc import Iterator
from contextlib import contextmanager

from bot.access.durations import format_duration
from bot.access.errors import AccessError, Outage, Refusal
from bot.access.lookup.history import History
from bot.access.models.columns import CredentialKind, Delivery
from bot.access.ports import Directory, Resource
from bot.access.requests.drafts import Draft, ParsedRequest
from bot.access.requests.preview import Preview
from bot.access.requests.routing import Plan
from bot.access.requests.service import Requests
from bot.access.wording import counted, sized
from bot.checks.owners import explain_problem
from bot.runtime.admin import CannotAnswerError
from bot.slack.blocks.parts.risks import risks
from bot.slack.blocks.phrases import AS_CREDENTIAL, planned_coverage
from bot.slack.blocks.rich_text import fallback

_DELIVERED = {Delivery.MESSAGE: "in a direct message", Delivery.REVEAL: "revealed at a click"}


def explain(requests: Requests, directory: Directory, person: str, draft: Draft) -> list[str]:
    """How the policy would treat the request `draft`, as lines. `person` is a Slack user id or an e-mail.

    Raises `CannotAnswerError`.
    """
    with _domain_errors():
        members = directory.members((person,))
        if not members.users:
            why, _ = explain_problem(members.problems[0])
            raise CannotAnswerError(f"{person}: {why}. Give a Slack user id or an e-mail.")
        return list(_explained(*requests.explain(members.users[0], draft)))


def discover(history: History, text: str) -> list[str]:
    """The resources of each cluster with owners and sizes, then those without an owner. Raises `CannotAnswerError`."""
    lines = []
    with _domain_errors():
        for integration in history.current.policy.integrations:
            found = history.resources(integration.name, text)
            lines += [f"{integration.name}: {counted(len(found), 'name')}", *map(_resource, found)]
            without = [each for each in found if not any(each.owners)]
            if integration.resource_owner and without:
                lines.append(f"  {len(without)} without an owner: {', '.join(integration.owner)} decides about them")
    return lines


def _explained(parsed: ParsedRequest, plan: Plan) -> Iterator[str]:
    what = f"{parsed.permission.name} on {', '.join(parsed.patterns)} in {parsed.integration.name}"
    yield f"{what}: {format_duration(plan.duration)}"
    yield from (fallback([line]) for line in risks(parsed.permission.stored(), plan.kind))
    secret = "" if plan.kind is CredentialKind.OWN_ACCOUNT else f", {_DELIVERED[plan.flow.delivery]}"
    yield f"given {AS_CREDENTIAL[plan.kind]}{secret}"
    yield f"access flow: {plan.flow.name}, the first that fits (up to {format_duration(plan.flow.max_duration)})"
    if plan.preview is not None:
        yield f"matches now: {_kinds(plan.preview)}, {sized(plan.preview.size)}: {_names(plan.preview)}"
    yield from (fallback([line]) for line in planned_coverage(plan)[1:])
    if plan.by_rule:
        yield "approved by itself"
    for group in plan.groups:
        does = "told, to review it:" if plan.by_rule else "asks"
        yield f"{does} {group.label}: {group.approvals} of {len(group.people)} ({', '.join(group.people)})"
    yield from (f"note: {problem}" for problem in plan.problems)


def _kinds(preview: Preview) -> str:
    counts = (("index", preview.indices), ("data stream", preview.data_streams), ("alias", preview.aliases))
    return ", ".join(counted(count, kind) for kind, count in counts if count) or "nothing"


def _names(preview: Preview) -> str:
    more = preview.count - len(preview.names)
    return ", ".join(preview.names) + (f" and {more} more" if more > 0 else "")


def _resource(each: Resource) -> str:
    owners = ", ".join(owner for owner in each.owners if owner) or "no owner"
    return f"  {each.name}  {each.kind}  {sized(each.size)}  {owners}"


@contextmanager
def _domain_errors() -> Iterator[None]:
    try:
        yield
    except AccessError as error:
        raise CannotAnswerError(error.message) from None
    except (Outage, Refusal) as error:
        raise CannotAnswerError(str(error)) from None
