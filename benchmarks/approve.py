"""From a click on Approve to the credential, beside the two calls that no design can do without."""

import secrets
import time
from collections.abc import Mapping
from concurrent.futures import Executor, ThreadPoolExecutor
from datetime import UTC, datetime
from statistics import median
from typing import Any

from elasticsearch import Elasticsearch

from benchmarks.acts import approve, ask, settle
from benchmarks.report import Figure, ms, spread
from bot.access.provisioning import new_password
from bot.cluster.marks import METADATA_KEY
from bot.sandbox.stage import Stage

WARM_UP_PAIRS = 5

GOAL_RATIO = 1.3
GOAL_MORE_MS = 50.0


def measure(stage: Stage, pairs: int) -> list[Figure]:
    """In turn, one at a time: the product, the bare calls, the product, …"""
    client = stage.node.client_of(*stage.node.connector())
    ours: list[float] = []
    bare: list[float] = []
    try:
        with ThreadPoolExecutor(1) as beside:
            for _ in range(WARM_UP_PAIRS + pairs):
                message = ask(stage)
                settle(stage)
                ours.append(approve(stage, message)[0])
                settle(stage)
                bare.append(_bare(client, beside))
    finally:
        client.close()
    return _figures(ms(ours[WARM_UP_PAIRS:]), ms(bare[WARM_UP_PAIRS:]))


def _figures(ours: list[float], bare: list[float]) -> list[Figure]:
    floor, taken = median(bare), median(ours)
    goal = GOAL_RATIO * floor + GOAL_MORE_MS
    return [
        Figure("bare role ∥ user calls", "ms", spread(bare), len(bare)),
        Figure(
            "click on Approve → credential in the DM", "ms",
            spread(ours) | {"ratio": taken / floor, "difference": taken - floor},
            len(ours), f"{GOAL_RATIO} x bare + {GOAL_MORE_MS:.0f} ms = {goal:.0f} ms", taken <= goal,
        ),
    ]  # fmt: skip


def _bare(client: Elasticsearch, beside: Executor) -> float:
    """Seconds for role and user side by side, with the bodies that the product sends; both are removed afterwards."""
    name = f"es-access-bare-{secrets.token_hex(4)}"
    metadata = {METADATA_KEY: {"grant": name, "requester": "U012ABCDEF", "expires_at": datetime.now(UTC).isoformat()}}
    password = new_password().get_secret_value()
    began = time.perf_counter()
    role = beside.submit(_put_role, client, name, metadata)
    client.security.put_user(
        username=name, password=password, roles=[name], full_name=f"es-access {name} for U012ABCDEF",
        metadata=metadata, refresh=False,
    )  # fmt: skip
    role.result()
    seconds = time.perf_counter() - began
    client.security.delete_user(username=name, refresh=False)
    client.security.delete_role(name=name, refresh=False)
    return seconds


def _put_role(client: Elasticsearch, name: str, metadata: Mapping[str, Any]) -> None:
    client.security.put_role(
        name=name, metadata=metadata, refresh=False,
        indices=[{"names": ["logs-*"], "privileges": ["read", "view_index_metadata"],
                  "allow_restricted_indices": False}],
    )  # fmt: skip
