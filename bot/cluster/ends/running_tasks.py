"""Reads the tasks that run in a cluster. Nothing in them names the user or key that began them (measured)."""

import re
from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any, cast

from elastic_transport import ObjectApiResponse
from elasticsearch import Elasticsearch

from bot.access.errors import Outage
from bot.access.models.running_tasks import RunningTask
from bot.access.ports import Clock
from bot.cluster.client import ask

LOOK_SECONDS = 3
"""The timeout of the call. Nobody waits for the answer, and a cluster that hangs must not hold up the next one."""

NODE_SECONDS = 2
"""How long the cluster waits for one of its nodes."""

_STREAM = "bulk_session_timeout_tracking_action"
"""The task of a `_bulk` whose body is still being sent, on 9.x. It names no index. On 8.19 there is none."""

_ACTIONS = ("indices:data/*", "indices:admin/*", _STREAM)
_PATH = f"/_tasks?actions={','.join(_ACTIONS)}&detailed=true&group_by=none&timeout={NODE_SECONDS}s"

_JSON = "application/json"

_LISTS = re.compile(r"\[([^\[\]]*)\]")
_BEHIND_NAMES = ("search_type[", "source[", "types[")
"""Behind these, a description quotes the request, whose parts may look like names."""

_BACKING = re.compile(r"\.ds-(.+)-\d{4}\.\d{2}\.\d{2}-\d{6}")
"""The name of an index of a data stream, and in it that of the data stream ("Data streams", Elasticsearch)."""


def read_running_tasks(client: Elasticsearch, clock: Clock) -> list[RunningTask]:
    """The tasks on data, without those that belong to another task. Raises `Outage`, `Refusal`."""
    answer = ask(client, lambda: _list(client))
    if answer.get("node_failures") or answer.get("task_failures"):
        raise Outage("a node of the cluster does not say which tasks it runs")
    now = clock.now()
    return [
        RunningTask(
            id=f"{each['node']}:{each['id']}",
            action="_bulk" if each["action"] == _STREAM else each["action"],
            names=tuple(dict.fromkeys(_names(each.get("description", "")))),
            # By its age: the clock of the node may be wrong.
            since=now - timedelta(microseconds=each["running_time_in_nanos"] // 1000),
            cancellable=each["cancellable"],
            client=each.get("headers", {}).get("X-Opaque-Id", ""),
        )
        for each in _tasks(answer)
        if "parent_task_id" not in each and not each.get("cancelled")
    ]


def _list(client: Elasticsearch) -> ObjectApiResponse[Any]:
    # Not `client.tasks.list`, which warns that the API may change.
    patient = client.options(request_timeout=LOOK_SECONDS)
    return cast("ObjectApiResponse[Any]", patient.perform_request("GET", _PATH, headers={"accept": _JSON}))


def _tasks(answer: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    found = answer["tasks"]
    return list(found.values()) if isinstance(found, Mapping) else list(found)


def _names(description: str) -> Iterator[str]:
    """The names and patterns in a description such as `requests[7], indices[logs-a,logs-b]`."""
    end = min((at for each in _BEHIND_NAMES if (at := description.find(each)) >= 0), default=len(description))
    for found in _LISTS.finditer(description[:end]):
        for name in filter(None, (each.strip() for each in found.group(1).split(","))):
            backing = _BACKING.fullmatch(name)
            yield backing.group(1) if backing else name
