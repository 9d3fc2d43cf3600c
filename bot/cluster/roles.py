"""What a temporary role holds."""

import re
from typing import Any

from bot.access.ports import CredentialSpec

KIBANA = "kibana-.kibana"
"""What Kibana's privileges are filed under in a role: `kibana-` and its index ("Application privileges", Kibana)."""


def role_body(spec: CredentialSpec) -> dict[str, Any]:
    """The rights in a role's body: index privileges and Kibana features.

    No cluster privilege, no system index and nobody to run as, save where a permission that is offered as dangerous
    holds them.
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
    """The name in a role that covers what the pattern does, save what begins with a dot.

    A star stands for a leading dot too, and `allow_restricted_indices` keeps system indices out, not hidden ones
    (measured on 8.19 and 9.5). So a leading star becomes a regular expression, which a role takes between slashes
    ("Defining roles", Elasticsearch). The backing indices of a data stream are reached through the stream's own name.
    """
    if not pattern.startswith("*"):
        return pattern
    rest = pattern.lstrip("*")
    # The star may stand for nothing, unless the name would then begin with a dot or be empty.
    head = "[^.].*" if not rest or rest.startswith(".") else "([^.].*)?"
    return f"/{head}{'.*'.join(map(_literal, rest.split('*')))}/"


def _literal(text: str) -> str:
    """The text in Lucene's regular expressions, where a backslash makes any character but a letter stand for itself."""
    return re.sub(r"\W", r"\\\g<0>", text)
