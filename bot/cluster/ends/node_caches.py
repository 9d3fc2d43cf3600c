"""What the nodes of a cluster remember of users, roles and API keys, and how they are made to forget it.

A node remembers a user for 20 minutes (`cache.ttl` of the realm), an API key for 5, and a role until it hears of a
change. The last step of each change is that all nodes forget. A node that was frozen or cut off at that moment does not
hear it: when it is back, it accepts the password of a deleted user, with its role (measured on 9.5.3).
"""

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice
from typing import Any

from elastic_transport import ObjectApiResponse
from elasticsearch import Elasticsearch

from bot.access.errors import Outage
from bot.access.intervals import NODES_REMEMBER_FOR
from bot.access.ports import Clock
from bot.cluster.client import ask

ANSWER_SECONDS = 3.0
"""How long to wait for the nodes. Those that answer at all do in milliseconds; the call waits for the others."""

TOGETHER = 100
"""Names in one URL, which Elasticsearch limits to 4,096 bytes."""


@dataclass(frozen=True)
class NodeCaches:
    """Makes nodes forget. `changed` names users whose password or role was changed or removed here, and `ended` are
    the ids of keys that nobody else knows of.
    """

    client: Elasticsearch
    clock: Clock
    changed: dict[str, datetime] = field(default_factory=dict)
    ended: dict[str, datetime] = field(default_factory=dict)
    _guard: threading.Lock = field(default_factory=threading.Lock)

    def note_change(self, username: str) -> None:
        """The password or the role of this user is replaced or removed: nodes that are back later must forget it."""
        with self._guard:
            self.changed[username] = self.clock.now()

    def note_keys(self, ids: Sequence[str]) -> None:
        """These API keys were ended: nodes that are back later must forget them."""
        with self._guard:
            self.ended.update(dict.fromkeys(ids, self.clock.now()))

    def forget(self, usernames: Sequence[str], key_ids: Sequence[str]) -> None:
        """Makes all nodes forget these, and the users who were changed lately.

        Raises `Outage` after trying everything if a node did not confirm it, and `Refusal`.
        """
        names = list(dict.fromkeys([*usernames, *self._lately(self.changed)]))
        keys = list(dict.fromkeys([*key_ids, *self._lately(self.ended)]))
        unheard: list[Outage] = []
        for forget, values in ((self.forget_users, names), (self.forget_roles, names), (self.forget_keys, keys)):
            for some in batches(values):
                try:
                    forget(some)
                except Outage as error:
                    unheard.append(error)
        if unheard:
            raise unheard[0]

    def forget_users(self, names: Sequence[str]) -> None:
        """Makes all nodes forget these users, up to `TOGETHER`. Raises `Outage`, `Refusal`."""
        self._all_nodes(lambda client: client.security.clear_cached_realms(realms="*", usernames=list(names)))

    def forget_roles(self, names: Sequence[str]) -> None:
        """Makes all nodes forget these roles, up to `TOGETHER`. Raises `Outage`, `Refusal`."""
        self._all_nodes(lambda client: client.security.clear_cached_roles(name=list(names)))

    def forget_keys(self, ids: Sequence[str]) -> None:
        """Makes all nodes forget these API keys, up to `TOGETHER`. Raises `Outage`, `Refusal`."""
        self._all_nodes(lambda client: client.security.clear_api_key_cache(ids=list(ids)))

    def _lately(self, changed: dict[str, datetime]) -> list[str]:
        since = self.clock.now() - NODES_REMEMBER_FOR
        with self._guard:
            for name in [name for name, at in changed.items() if at < since]:
                del changed[name]
            return list(changed)

    def _all_nodes(self, call: Callable[[Elasticsearch], ObjectApiResponse[Any]]) -> None:
        """Raises `Outage`, `Refusal`."""
        client = self.client.options(request_timeout=ANSWER_SECONDS)
        failed = ask(client, lambda: call(client)).get("_nodes", {}).get("failed", 0)
        if failed:
            raise Outage(f"{failed} nodes of the cluster did not answer")


def batches(values: Sequence[str]) -> Sequence[Sequence[str]]:
    """The values in groups of up to `TOGETHER`."""
    left = iter(values)
    return list(iter(lambda: list(islice(left, TOGETHER)), []))
