"""The privileges that the connector account needs, and a check that it has them."""

from dataclasses import dataclass
from typing import Any

from elasticsearch import Elasticsearch

from bot.cluster.client import ask

CLUSTER_PRIVILEGES = ("monitor", "manage_security")
INDEX_PRIVILEGES = ("monitor",)
"""The whole role, measured to suffice: `monitor` for the catalogue, `manage_security` for users, roles and keys."""

ROLE: dict[str, Any] = {
    "cluster": list(CLUSTER_PRIVILEGES),
    "indices": [{"names": ["*"], "privileges": list(INDEX_PRIVILEGES)}],
}
"""The body of `PUT /_security/role/…` for the connector account."""


@dataclass(frozen=True)
class ConnectorPrivileges:
    """The check of an account. `too_much` means that it may do anything in the cluster."""

    username: str
    missing: tuple[str, ...]
    too_much: bool


def read_privileges(client: Elasticsearch) -> ConnectorPrivileges:
    """Checks the privileges of the account that `client` uses. Raises `Outage`, `Refusal`."""
    answer = ask(
        client,
        lambda: client.security.has_privileges(
            cluster=[*CLUSTER_PRIVILEGES, "all"],
            index=[{"names": ["*"], "privileges": list(INDEX_PRIVILEGES)}],
        ),
    )
    cluster, index = answer["cluster"], answer["index"]["*"]
    missing = [f"cluster: {name}" for name in CLUSTER_PRIVILEGES if not cluster[name]]
    missing += [f"index *: {name}" for name in INDEX_PRIVILEGES if not index[name]]
    return ConnectorPrivileges(username=answer["username"], missing=tuple(missing), too_much=cluster["all"])
