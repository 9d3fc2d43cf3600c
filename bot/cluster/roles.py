"""The body of a temporary role."""

import re
from collections.abc import Sequence
from typing import Any

from bot.access.errors import Refusal
from bot.access.ownership.aliases import names_left
from bot.access.policy.patterns import matcher
from bot.access.ports import CredentialSpec

KIBANA = "kibana-.kibana"
"""The application of Kibana's privileges in a role: `kibana-` and its index ("Application privileges", Kibana)."""


def role_body(spec: CredentialSpec) -> dict[str, Any]:
    """The privileges in a role's body: for indices and Kibana features.

    Cluster privileges, system indices and users to run as are there only in a permission that is offered as dangerous.
    Raises `Refusal` if nothing is left to name.
    """
    held = spec.privileges
    names = list(spec.patterns) if held.restricted_indices else _visible_names(spec)
    index = {
        "names": names,
        "privileges": list(held.indices),
        "allow_restricted_indices": held.restricted_indices,
    }
    body: dict[str, Any] = {"indices": [index]}
    if held.kibana:
        spaces = [f"space:{name}" for name in held.spaces]
        body["applications"] = [{"application": KIBANA, "privileges": list(held.kibana), "resources": spaces}]
    if held.cluster:
        body["cluster"] = list(held.cluster)
    if held.run_as:
        body["run_as"] = list(held.run_as)
    return body


def _visible_names(spec: CredentialSpec) -> list[str]:
    left = names_left(spec.patterns, spec.withheld)
    if not left:
        raise Refusal(f"the alias {spec.withheld[0]} points to a hidden index, and nothing else would be given")
    return [_without_dots(each, list(filter(matcher([each]), spec.withheld))) for each in left]


def _without_dots(pattern: str, withheld: Sequence[str]) -> str:
    """A name for a role that matches the same names as the pattern, except `withheld` and those with a leading dot.

    A star matches a leading dot too, and `allow_restricted_indices` excludes system indices but not hidden ones
    (measured on 8.19 and 9.5). So a leading star becomes a regular expression, which a role accepts between slashes
    ("Defining roles", Elasticsearch). The name of a data stream gives access to its backing indices.
    """
    if not pattern.startswith("*") and not withheld:
        return pattern
    head, rest = "", pattern
    if pattern.startswith("*"):
        rest = pattern.lstrip("*")
        # The star may match nothing, unless the name would then begin with a dot or be empty.
        head = "[^.].*" if not rest or rest.startswith(".") else "([^.].*)?"
    but = f"&~({'|'.join(map(_literal, withheld))})" if withheld else ""
    return f"/{head}{'.*'.join(map(_literal, rest.split('*')))}{but}/"


def _literal(text: str) -> str:
    """The text escaped for Lucene's regular expressions, where a backslash makes any character but a letter literal."""
    return re.sub(r"\W", r"\\\g<0>", text)
