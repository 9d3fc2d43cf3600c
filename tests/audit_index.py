"""Audit indices for tests: on a real node, and in memory."""

import secrets
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from pydantic import SecretStr
from sqlalchemy import Engine

from bot.access.audit.shipping import Shipping
from bot.access.audit.trail import AuditTrail
from bot.access.errors import Refusal
from bot.access.store.store import Store
from bot.cluster.audit_index import PRIVILEGES
from bot.cluster.client import ClusterConnection
from bot.sandbox.node import Node
from tests.fakes import FakeClock


@dataclass
class Box:
    """A destination in memory, which fails when told to."""

    name: str = "box"
    taken: dict[str, dict[str, Any]] = field(default_factory=dict)
    order: list[int] = field(default_factory=list)
    readable: bool = True
    errors: list[Exception | None] = field(default_factory=list)

    def send(self, documents: Sequence[tuple[str, dict[str, Any]]]) -> None:
        error = self.errors.pop(0) if self.errors else None
        if error is not None:
            raise error
        for name, document in documents:
            if name not in self.taken:
                self.taken[name] = document
                self.order.append(int(document["event"]["sequence"]))

    def held(self, chain: str, after: int, most: int) -> Mapping[int, frozenset[str]]:
        if not self.readable:
            raise Refusal("403")
        found: defaultdict[int, set[str]] = defaultdict(set)
        for document in self.taken.values():
            event = document["event"]
            if document["labels"]["chain"] == chain and after < event["sequence"] <= after + most:
                found[event["sequence"]].add(event["hash"])
        return {number: frozenset(hashes) for number, hashes in found.items()}


@contextmanager
def audit_index(node: Node, privileges: Sequence[str] = PRIVILEGES) -> Iterator[tuple[str, ClusterConnection]]:
    """A name for an index, and how its writer reaches it. The index goes away with the block."""
    name = f"es-access-audit-{secrets.token_hex(4)}"
    password = secrets.token_urlsafe(24)
    security = node.client().security
    security.put_role(name=name, indices=[{"names": [name], "privileges": list(privileges)}])
    security.put_user(username=name, password=password, roles=[name])
    yield name, ClusterConnection(name, SecretStr(password), url=node.url, ca_certs=node.ca_certs)
    security.delete_user(username=name)
    security.delete_role(name=name)
    node.client().options(ignore_status=404).indices.delete(index=name)


def shipping(store: Store, engine: Engine, destination: Any, clock: FakeClock | None = None) -> Shipping:
    return Shipping(store, AuditTrail(engine), destination, clock or FakeClock())


def stored(node: Node, index: str) -> list[dict[str, Any]]:
    client = node.client()
    client.indices.refresh(index=index)
    hits = client.search(index=index, size=1000, sort=["event.sequence"])["hits"]["hits"]
    return [each["_source"] | {"_id": each["_id"]} for each in hits]
