"""The body of a temporary role."""

import re
from typing import Any

from bot.access.ports import CredentialSpec

KIBANA = "kibana-.kibana"
"""The application of Kibana's privileges in a role: `kibana-` and its index ("Application privileges", Kibana)."""


def role_body(spec: CredentialSpec) -> dict[str, Any]:
    """The privileges in a role's body: for indices and Kibana features.

    Cluster privileges, system indices and users to run as are there only in a permission that is offered as dangerous.
    """
    held = spec.privileges
    names = list(spec.patterns) if held.restricted_indices else [_without_dots(each) for each in spec.patterns]
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


def _without_dots(pattern: str) -> str:
    """A name for a role that matches the same names as the pattern, except those with a leading dot.

    A star matches a leading dot too, and `allow_restricted_indices` excludes system indices but not hidden ones
    (measured on 8.19 and 9.5). So a leading star becomes a regular expression, which a role accepts between slashes
    ("Defining roles", Elasticsearch). The name of a data stream gives access to its backing indices.
    """
    if not pattern.startswith("*"):
        return pattern
    rest = pattern.lstrip("*")
    # The star may match nothing, unless the name would then begin with a dot or be empty.
    head = "[^.].*" if not rest or rest.startswith(".") else "([^.].*)?"
    return f"/{head}{'.*'.join(map(_literal, rest.split('*')))}/"


def _literal(text: str) -> str:
    """The text escaped for Lucene's regular expressions, where a backslash makes any character but a letter literal."""
    return re.sub(r"\W", r"\\\g<0>", text)
