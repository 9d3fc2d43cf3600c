"""Registers privileges in Elasticsearch as Kibana does at its start, and asks for those of a user as it does."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from elasticsearch import Elasticsearch

from bot.cluster.roles import KIBANA
from bot.sandbox.node import Node

OLD = ("discover", "dashboard", "maps")
NEW = ("discover", "discover_v2", "dashboard", "dashboard_v2", "maps_v2")
"""The features that some version has; newer ones keep the old names for roles that hold them."""

LOGIN = "login:"
"""The action that Kibana asks for at a sign-in."""


@contextmanager
def registered(node: Node, features: Iterable[str] = OLD) -> Iterator[None]:
    """The cluster lists `all` and `read` of each of these features."""
    kinds = {"read": "show", "all": "*"}
    named = {
        f"feature_{each}.{kind}": {"application": KIBANA, "name": f"feature_{each}.{kind}", "metadata": {},
                                   "actions": [LOGIN, f"ui:{each}/{what}"]}
        for each in features
        for kind, what in kinds.items()
    }  # fmt: skip
    security = node.client().security
    security.put_privileges(privileges={KIBANA: named})
    try:
        yield
    finally:
        for name in named:
            security.delete_privileges(application=KIBANA, name=name)


def may(person: Elasticsearch, action: str, space: str) -> bool:
    """Whether Kibana would let the user do that in the space."""
    asked = {"application": KIBANA, "resources": [f"space:{space}"], "privileges": [action]}
    return bool(person.security.has_privileges(application=[asked])["has_all_requested"])
