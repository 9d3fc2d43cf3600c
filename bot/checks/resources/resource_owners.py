"""Checks the resource owners in a cluster: how many resources have one, and which owners cannot be asked."""

from dataclasses import dataclass, field

from bot.access.errors import Outage, Refusal
from bot.access.policy.access_flow import AccessFlow
from bot.access.policy.model import Integration
from bot.access.policy.owner_groups import Owned, owner_groups
from bot.access.policy.patterns import is_dotted
from bot.access.ports import Catalogue
from bot.access.wording import counted
from bot.checks.owners import explain_problem
from bot.checks.report import Report
from bot.cluster.catalogue.reader import CatalogueReader
from bot.slack.directory import SlackDirectory
from bot.slack.scopes import add_scope, scope_of

MOST_NAMED = 10
"""Lines. More wrong owners usually have the same cause."""

_AS_WRITTEN = AccessFlow(name="check", owners="resource")
"""A flow with which the domain parses an owner value as it does for a request."""


@dataclass
class _Value:
    """An owner as written in the cluster, and the resources with it. `why` is the problem, or empty.

    `falls_back`: it has no active people, so the integration owner is asked instead.
    """

    text: str
    names: list[str]
    owners: tuple[str, ...] = ()
    why: str = ""
    to_do: str = ""
    falls_back: bool = False


@dataclass
class _NotLookedUp:
    """Counts owners that were not looked up: by missing scope, and because of an outage or missing Slack."""

    without_scope: dict[str, int] = field(default_factory=dict)
    others: int = 0
    why: str = "needs Slack, see above"


def check_resource_owners(
    report: Report,
    reader: CatalogueReader,
    integration: Integration,
    directory: SlackDirectory | None,
    scopes: frozenset[str],
) -> None:
    """Reports on an integration with resource owners. `directory` is `None` without Slack; `scopes` are the bot's."""
    try:
        catalogue = reader.read()
    except (Outage, Refusal) as error:
        report.fail(f"resource owners: {error}", "Run `bot check` again when the cluster is well.")
        return
    finally:
        reader.close()
    values = _values(integration, catalogue)
    left = _look_up(values, directory, scopes)
    _summary(report, integration, catalogue, values, left)
    wrong = [each for each in values if each.why]
    for value in wrong[:MOST_NAMED]:
        report.warn(f"resource owners: {value.why}", f"{_fallback(value)} {value.to_do}")
    if len(wrong) > MOST_NAMED:
        report.warn(f"resource owners: and {len(wrong) - MOST_NAMED} more that are wrong")
    for scope, count in left.without_scope.items():
        report.warn(f"resource owners: {count} of them cannot be looked up without the scope {scope}", add_scope(scope))
    if left.others:
        report.skip(f"resource owners: {left.others} of them", left.why)


def _values(integration: Integration, catalogue: Catalogue) -> list[_Value]:
    names: dict[str, list[str]] = {}
    for resource in catalogue.resources:
        for owner in resource.owners:
            if owner is not None:
                names.setdefault(owner, []).append(resource.name)
    for template in catalogue.templates:
        names.setdefault(template.owner, []).append(f"template {template.name}")
    return [_read(integration, text, have) for text, have in sorted(names.items())]


def _read(integration: Integration, text: str, names: list[str]) -> _Value:
    groups, problems = owner_groups(_AS_WRITTEN, integration, [Owned(names[0], text)])
    if not problems:
        return _Value(text, names, groups[0].owners)
    to_do = "Write a Slack user id, an e-mail or an @group handle, or several with commas."
    if "," in text:
        to_do += " A comma always separates two owners, so a group whose name has one goes by its handle."
    return _Value(text, names, why=problems[0], to_do=to_do, falls_back=True)


def _look_up(values: list[_Value], directory: SlackDirectory | None, scopes: frozenset[str]) -> _NotLookedUp:
    left = _NotLookedUp()
    for value in values:
        missing = sorted({scope_of(owner) for owner in value.owners} - scopes)
        if value.why:
            continue
        if directory is None or left.others:
            left.others += 1
        elif missing:
            left.without_scope[missing[0]] = left.without_scope.get(missing[0], 0) + 1
        else:
            try:
                _look_up_one(value, directory)
            except Outage as error:
                # Slack limits calls: thousands of people cannot be looked up in one minute.
                left.others, left.why = 1, str(error)
    return left


def _look_up_one(value: _Value, directory: SlackDirectory) -> None:
    members = directory.members(value.owners)
    if members.problems:
        problem = members.problems[0]
        found, value.to_do = explain_problem(problem)
        value.why = f"{problem.owner} on {value.names[0]}: {found}"
        value.falls_back = not members.users


def _fallback(value: _Value) -> str:
    who = "The integration owner is asked instead" if value.falls_back else "The others named with it are asked"
    return f"{who}, here and for {len(value.names) - 1} more." if len(value.names) > 1 else f"{who}."


def _summary(
    report: Report, integration: Integration, catalogue: Catalogue, values: list[_Value], left: _NotLookedUp
) -> None:
    falling = {None, *(each.text for each in values if each.falls_back)}
    # Hidden ones, which Elasticsearch and Kibana make, would be most of those without an owner.
    shown = [each for each in catalogue.resources if not is_dotted(each.name)]
    falls = sum(1 for each in shown if not falling.isdisjoint(each.owners))
    owned = len(shown) - falls
    kinds = [each.kind for each in shown]
    counts = ", ".join(counted(kinds.count(kind), kind) for kind in ("index", "data stream", "alias"))
    who = "" if left.others or left.without_scope else " who can be asked"
    report.ok(
        f"resource owners: {counts}; with an owner{who} {owned}, left to the integration owner {falls}",
        f"An owner stands under {integration.resource_owner} in the _meta of a mapping, data stream or index template.",
    )
