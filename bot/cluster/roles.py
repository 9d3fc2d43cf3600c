"""The body of a temporary role."""

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from bot.access.errors import AccessError, Refusal
from bot.access.models.limits import Limits
from bot.access.policy.limits.fields import with_inner, without_inner
from bot.access.policy.limits.query import recognized
from bot.access.policy.names.exclusion import names_to_give
from bot.access.policy.patterns import check_patterns
from bot.access.ports import CredentialSpec, Privileges
from bot.cluster.role_names import role_names

_SPACE = "space:"

KIBANA = "kibana-.kibana"
"""The application of Kibana's privileges in a role: `kibana-` and its index ("Application privileges", Kibana)."""

MONITOR = "monitor"
"""The privilege to see the state of the cluster, and the one of the same name to see that of indices."""


DISCOVER_AND_DASHBOARDS = (
    "feature_discover.read", "feature_discover_v2.read", "feature_dashboard.read", "feature_dashboard_v2.read",
)  # fmt: skip
"""The two features as all versions of Kibana call them. A name that a version does not know gives nothing there."""


def role_body(spec: CredentialSpec, opened_space: str | None = None) -> dict[str, Any]:
    """The privileges in a role's body: for indices and Kibana features.

    `opened_space` is the Kibana space that a spec with `opens_kibana` opens.

    Cluster privileges, system indices and users to run as are there only in a permission that is offered as dangerous.
    Raises `Refusal` if nothing is left to name, or Elasticsearch could not evaluate the names.
    """
    held = spec.privileges
    index = {
        "names": _names(spec),
        "privileges": _with_monitor(held.indices, held),
        "allow_restricted_indices": held.restricted_indices,
        **_limited(held.limits),
    }
    body: dict[str, Any] = {"indices": [index]}
    applications = [_application(held.kibana, held.spaces)] if held.kibana else []
    if spec.opens_kibana and opened_space is not None:
        applications.append(_application(DISCOVER_AND_DASHBOARDS, [opened_space]))
    if applications:
        body["applications"] = applications
    if held.cluster or held.monitor:
        body["cluster"] = _with_monitor(held.cluster, held)
    if held.run_as:
        body["run_as"] = list(held.run_as)
    return body


def _limited(limits: Limits) -> dict[str, Any]:
    """Field and document level security, as an index entry has them."""
    fields: dict[str, Any] = {"grant": list(limits.grant) or ["*"]}
    if limits.hidden:
        fields["except"] = list(with_inner(limits))
    return {
        **({"field_security": fields} if limits.grant or limits.hidden else {}),
        **({"query": limits.query} if limits.query else {}),
    }


def limits_of(entries: Sequence[Mapping[str, Any]]) -> Limits:
    """The limits of a role's index entries: those that all have, since Elasticsearch joins what the entries show."""
    found = {_limits_of(each) for each in entries}
    return found.pop() if len(found) == 1 else Limits()


def _limits_of(entry: Mapping[str, Any]) -> Limits:
    fields, query = entry.get("field_security") or {}, entry.get("query") or ""
    grant = tuple(fields.get("grant") or ())
    text = query if isinstance(query, str) else json.dumps(query)
    return Limits(() if grant == ("*",) else grant, without_inner(fields.get("except") or ()), recognized(text))


def _application(privileges: Sequence[str], spaces: Sequence[str]) -> dict[str, Any]:
    resources = [f"{_SPACE}{name}" for name in spaces]
    return {"application": KIBANA, "privileges": list(privileges), "resources": resources}


def _with_monitor(privileges: Sequence[str], held: Privileges) -> list[str]:
    """The privileges, and the one to watch. `_cat/indices` needs it for the indices, too (measured on 8.19 and 9.5)."""
    return list(dict.fromkeys([*privileges, *((MONITOR,) if held.monitor else ())]))


def names_and_privileges(bodies: Sequence[Mapping[str, Any]]) -> tuple[tuple[str, ...], Privileges]:
    """The names in the bodies of roles, and everything that they give: the reverse of `role_body`.

    Without Discover and Dashboards where these are what `opens_kibana` adds: a grant opens them by its permission.
    """
    held = [each for body in bodies for each in body.get("indices", ())]
    kibana = [each for body in bodies for each in body.get("applications", ()) if _is_held(each)]
    cluster, indices = _values(bodies, "cluster"), _values(held, "privileges")
    watches = cluster == (MONITOR,) and MONITOR in indices
    privileges = Privileges(
        indices=indices,
        kibana=_values(kibana, "privileges"),
        spaces=tuple(each.removeprefix(_SPACE) for each in _values(kibana, "resources")),
        cluster=() if watches else cluster,
        run_as=_values(bodies, "run_as"),
        restricted_indices=any(each.get("allow_restricted_indices") is True for each in held),
        monitor=watches,
        limits=limits_of(held),
    )
    return _values(held, "names"), privileges


def _is_held(application: Mapping[str, Any]) -> bool:
    """Whether a permission of its own gives these privileges in Kibana."""
    opened = set(application.get("privileges", ())) == set(DISCOVER_AND_DASHBOARDS)
    return application.get("application") == KIBANA and not opened


def _values(parts: Iterable[Mapping[str, Any]], key: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(value for each in parts for value in each.get(key, ())))


def _names(spec: CredentialSpec) -> list[str]:
    left = names_to_give(spec.patterns, spec.withheld)
    return role_names(left, (*spec.withheld, *spec.excluded), hidden=spec.privileges.restricted_indices)


MOST_KEPT = 200
"""Patterns and names in the metadata of a role: requests are below, and metadata is read at each sweep."""

_LONGEST_KEPT = 255
"""Bytes of each: Elasticsearch's limit for the name of an index."""


def kept_patterns(spec: CredentialSpec) -> Mapping[str, list[str]]:
    """The patterns, for the metadata of a role that names them otherwise; empty if it does not, or they are too many.

    With those that it leaves out.
    """
    patterns, without = list(spec.patterns), [*spec.withheld, *spec.excluded]
    try:
        as_asked = _names(spec) == patterns
    except Refusal:
        return {}  # then there will be no role
    if as_asked or len(patterns) + len(without) > MOST_KEPT:
        return {}
    return {"patterns": patterns, "without": without} if without else {"patterns": patterns}


def asked_patterns(
    mark: Mapping[str, Any], names: Sequence[str], *, hidden: bool
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The patterns that a role with these names gives, and those that it leaves out: the reverse of `kept_patterns`.

    The names themselves if its metadata does not lead to them: others may have changed either.
    """
    patterns, without = mark.get("patterns", []), mark.get("without", [])
    if not patterns or not (_are_names(patterns) and _are_names(without)):
        return tuple(names), ()
    try:
        kept = check_patterns(patterns)
        made = role_names(names_to_give(kept, without), without, hidden=hidden)
    except (AccessError, Refusal):
        return tuple(names), ()
    return (kept, tuple(without)) if made == list(names) else (tuple(names), ())


def _are_names(value: object) -> bool:
    return (
        isinstance(value, list)
        and len(value) <= MOST_KEPT
        and all(isinstance(each, str) and 0 < len(each.encode(errors="replace")) <= _LONGEST_KEPT for each in value)
    )
