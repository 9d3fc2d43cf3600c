"""Creates many grants directly, as database rows and in a node, without requests."""

import itertools
import secrets
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any

import bcrypt
from elasticsearch import Elasticsearch
from sqlalchemy import Engine, insert

from bot.access.models.grants import Grant
from bot.access.models.messages import Message, MessageKind
from bot.access.models.requests import AccessRequest, Approval
from bot.access.states import GrantState, RequestState
from bot.cluster.ownership import METADATA_KEY
from bot.sandbox.node import Node

IN_FLIGHT = 16
"""Concurrent calls: more do not help on two cores."""

ROLES_AT_ONCE = 500
"""Roles created in one call."""

CHEAPEST = 4
"""The lowest cost of bcrypt, as a power of two: nobody signs in as these 10,000 users."""

PATTERNS = ["logs-*"]

INTEGRATION = "elasticsearch"
"""The default of `INTEGRATION_NAME`."""

_numbers = itertools.count()


def new_names(count: int) -> list[str]:
    """New names for users and roles."""
    return [f"es-access-{secrets.token_hex(6)}" for _ in range(count)]


def make(node: Node, names: Sequence[str], installation: str) -> None:
    """Creates a user and a role of each name, with `installation` as the owner in their metadata."""
    client = Elasticsearch(node.url, basic_auth=node.admin, connections_per_node=IN_FLIGHT, request_timeout=60)
    hashed = bcrypt.hashpw(secrets.token_bytes(16), bcrypt.gensalt(CHEAPEST)).decode().replace("$2b$", "$2a$")
    mark = {"grant": "REQ-BENCH0", "requester": "U0BENCH", "expires_at": "2100-01-01T00:00:00+00:00"}
    metadata = {METADATA_KEY: {**mark, "installation": installation}}
    role: dict[str, Any] = {"indices": [{"names": PATTERNS, "privileges": ["read"]}], "metadata": metadata}

    def add_user(name: str) -> None:
        client.security.put_user(
            username=name, password_hash=hashed, roles=[name], metadata=metadata, full_name=name, refresh=False
        )

    try:
        with ThreadPoolExecutor(IN_FLIGHT) as threads:
            for start in range(0, len(names), ROLES_AT_ONCE):
                some = names[start : start + ROLES_AT_ONCE]
                client.security.bulk_put_role(roles=dict.fromkeys(some, role), refresh=False)
            list(threads.map(add_user, names))
        client.indices.refresh(index=".security*", expand_wildcards="all")
    finally:
        client.close()


def insert_grants(engine: Engine, names: Sequence[str], until: datetime) -> None:
    """Inserts an active grant for each name, with its request, one owner's approval and its delivery."""
    now = datetime.now(UTC)
    rows: dict[Any, list[dict[str, Any]]] = {AccessRequest: [], Approval: [], Message: [], Grant: []}
    for name in names:
        request_id = f"REQ-B{next(_numbers):07d}"
        rows[AccessRequest].append(
            {
                "id": request_id, "requester": "U0BENCH", "integration": INTEGRATION, "patterns": PATTERNS,
                "permission": "read", "duration": 3600, "owners": ["U0OWNER"], "state": RequestState.APPROVED,
                "created_at": now, "pending_until": now, "decided_by": "U0OWNER", "decided_at": now, "privileges": {},
            }
        )  # fmt: skip
        rows[Approval].append(
            {"request_id": request_id, "approver": "U0OWNER", "approved": True, "groups": [], "at": now}
        )
        for kind, recipient in ((MessageKind.CREDENTIAL, "U0BENCH"), (MessageKind.APPROVAL, "U0OWNER")):
            rows[Message].append(
                {"request_id": request_id, "kind": kind, "recipient": recipient, "channel": "D0", "ts": "1.0"}
            )
        rows[Grant].append(
            {
                "id": request_id, "username": name, "state": GrantState.ACTIVE, "created_at": now,
                "expires_at": until, "due_at": until, "delivered_at": now,
            }
        )  # fmt: skip
    with engine.execution_options(writes=True).begin() as connection:
        for table, values in rows.items():
            connection.execute(insert(table), values)
