"""The baseline: the bare calls that any design needs."""

import secrets
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, Self

from elasticsearch import Elasticsearch
from slack_sdk import WebClient

from bot.access.passwords import new_password
from bot.cluster.ownership import METADATA_KEY
from bot.cluster.password_hasher import Secret, hashed
from bot.sandbox.stage import Stage


class Baseline:
    """A client of the cluster and a client of Slack, with up to `at_once` grants in flight. A context manager."""

    def __init__(self, stage: Stage, at_once: int = 1) -> None:
        self._client = Elasticsearch(
            stage.node.url, basic_auth=stage.node.connector(), connections_per_node=2 * at_once, max_retries=0
        )
        self._slack = WebClient(stage.workspace.bot_token, base_url=stage.workspace.api_url)
        self._channel = stage.workspace.direct_message(stage.alice).id
        self._beside = ThreadPoolExecutor(at_once)
        self._in_flight = ThreadPoolExecutor(at_once)

    def hashed(self) -> float:
        """Like `password`, but sends a hash instead of the password, which saves the cluster most of its work."""
        return self.password({"password_hash": hashed(new_password())})

    def password(self, secret: Secret | None = None) -> float:
        """Seconds to make a role and a user in parallel and post one message; both are removed afterwards."""
        name, began = _new_name(), time.perf_counter()
        self._make(name, secret)
        self._post()
        seconds = time.perf_counter() - began
        self._remove(name)
        return seconds

    def passwords(self, count: int) -> float:
        """Seconds for `count` grants with `at_once` in flight."""
        names, began = [_new_name() for _ in range(count)], time.perf_counter()

        def one(name: str) -> None:
            self._make(name)
            self._post()

        list(self._in_flight.map(one, names))
        seconds = time.perf_counter() - began
        list(self._in_flight.map(self._remove, names))
        return seconds

    def key(self) -> float:
        """Seconds to make a role and a user in parallel, grant a key with their rights, and remove both in parallel."""
        name, password, began = _new_name(), new_password().get_secret_value(), time.perf_counter()
        self._make(name, {"password": password})
        key = self._client.security.grant_api_key(
            grant_type="password", username=name, password=password, refresh=True,
            api_key={"name": name, "expiration": "3600000ms", "metadata": _metadata(name)},
        )  # fmt: skip
        removing = self._beside.submit(lambda: self._client.security.delete_role(name=name, refresh=False))
        self._client.security.delete_user(username=name, refresh=False)
        removing.result()
        seconds = time.perf_counter() - began
        self._client.security.invalidate_api_key(ids=[key["id"]])
        return seconds

    def _make(self, name: str, secret: Secret | None = None) -> None:
        """Sends the product's own bodies, except that the cluster hashes the password."""
        metadata = _metadata(name)
        role = self._beside.submit(self._put_role, name, metadata)
        self._client.security.put_user(
            username=name, roles=[name], full_name=f"es-access {name} for U012ABCDEF", metadata=metadata, refresh=False,
            **(secret or {"password": new_password().get_secret_value()}),
        )  # fmt: skip
        role.result()

    def _put_role(self, name: str, metadata: Mapping[str, Any]) -> None:
        held = {"names": ["logs-*"], "privileges": ["read", "view_index_metadata"], "allow_restricted_indices": False}
        self._client.security.put_role(name=name, metadata=metadata, refresh=False, indices=[held])

    def _post(self) -> None:
        block = {"type": "section", "text": {"type": "mrkdwn", "text": "Your access to logs-* is ready."}}
        self._slack.chat_postMessage(channel=self._channel, text="Your access is ready.", blocks=[block])

    def _remove(self, name: str) -> None:
        self._client.security.delete_user(username=name, refresh=False)
        self._client.security.delete_role(name=name, refresh=False)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._in_flight.shutdown()
        self._beside.shutdown()
        self._client.close()


def removal_rate(client: Elasticsearch, names: Sequence[str], in_flight: int, how: Mapping[str, Any]) -> float:
    """Users and roles deleted in a second, each user before its role; `how` holds parameters such as `refresh`."""

    def remove(name: str) -> None:
        client.security.delete_user(username=name, **how)
        client.security.delete_role(name=name, **how)

    with ThreadPoolExecutor(in_flight) as threads:
        began = time.perf_counter()
        list(threads.map(remove, names))
        return len(names) / (time.perf_counter() - began)


def _new_name() -> str:
    return f"es-access-bare-{secrets.token_hex(4)}"


def _metadata(name: str) -> Mapping[str, Any]:
    return {METADATA_KEY: {"grant": name, "requester": "U012ABCDEF", "expires_at": datetime.now(UTC).isoformat()}}
