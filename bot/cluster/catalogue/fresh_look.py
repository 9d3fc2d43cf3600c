"""A fresh look: what some patterns match at this moment, for the price of a few small answers.

Every change of an index, alias, data stream or template makes a new cluster state with an id of its own. While the id
is that of the last whole reading, nothing else has to be read (measured on 8.19 and 9.5).

A cluster state may be filtered by names, which is quick with 10,000 indices. It then has the matching indices, those
behind matching aliases, and their data streams; it lacks all templates and the aliases of data streams (measured on
8.19 and 9.5). So the templates are asked for by themselves, at the same time.
"""

from collections.abc import Mapping, Sequence
from concurrent.futures import Executor
from typing import Any
from urllib.parse import quote

from elasticsearch import Elasticsearch

from bot.access.policy.model import OwnersFrom
from bot.access.policy.patterns import matcher
from bot.cluster.catalogue.cluster_state import fields, owner_path
from bot.cluster.client import ask

LONGEST_PATH = 3000
"""Bytes of patterns in one address: Elasticsearch reads lines of at most 4,096, with the rest of the address."""

LOOKS_AT_ONCE = 8
"""Fresh looks whose templates are read at the same time; further ones wait for these short calls."""

State = Mapping[str, Any]


def read_version(client: Elasticsearch) -> str | None:
    """The id of the present cluster state, as the elected master has it. Raises `Outage`, `Refusal`."""
    state = ask(client, lambda: client.cluster.state(metric="version", filter_path="state_uuid"))
    version: str | None = state.get("state_uuid")
    return version


def read_state(
    client: Elasticsearch,
    executor: Executor,
    patterns: Sequence[str],
    key: str | None,
    owners_from: OwnersFrom = "mapping",
) -> State | None:
    """The cluster state as far as it concerns the patterns, in the shape of a whole one. Raises `Outage`, `Refusal`.

    `executor` reads the templates meanwhile.

    `None` where a whole one is needed: the patterns match everything, or are too long for one address, or an alias may
    match that leads to data streams of other names. An alias is left out whose data streams all match by themselves.
    """
    if "*" in patterns or len(quote(",".join(patterns))) > LONGEST_PATH:
        return None
    templates = executor.submit(_templates, client, key) if key is not None else None
    state = ask(
        client,
        lambda: client.cluster.state(
            metric="metadata",
            index=",".join(patterns),
            expand_wildcards="all",  # backing indices are hidden
            ignore_unavailable=True,
            allow_no_indices=True,
            filter_path=fields(key, owners_from),
        ),
    )
    metadata: dict[str, Any] = state.get("metadata", {})
    if _hides_an_alias(metadata, patterns):
        return None
    return {"metadata": {**metadata, **(templates.result() if templates is not None else {})}}


def _hides_an_alias(metadata: Mapping[str, Any], patterns: Sequence[str]) -> bool:
    """Whether a data stream is there without matching a pattern itself, or any is with `*`: an alias of it may match.

    A leading star matches no leading dot, but the cluster lists a hidden data stream for it.
    """
    streams: Mapping[str, Any] = metadata.get("data_stream", {}).get("data_stream", {})
    return bool(streams) and ("*" in patterns or not all(map(matcher(patterns), streams)))


def _templates(client: Elasticsearch, key: str) -> dict[str, Any]:
    """All templates, as they stand in a cluster state."""
    meta = owner_path(key)
    composable = ask(client, lambda: client.indices.get_index_template(filter_path=_composable(meta)))
    components = ask(
        client,
        lambda: client.cluster.get_component_template(
            filter_path=["component_templates.name", f"component_templates.component_template.template.mappings.{meta}"]
        ),
    )
    legacy = ask(
        client,
        lambda: client.indices.get_template(
            filter_path=["*.index_patterns", "*.order", f"*.mappings.{meta}"],
        ),
    )
    return {
        "index_template": {
            "index_template": {each["name"]: each["index_template"] for each in composable.get("index_templates", ())}
        },
        "component_template": {
            "component_template": {
                each["name"]: each.get("component_template", {}) for each in components.get("component_templates", ())
            }
        },
        "templates": {
            name: {**body, "mappings": {"_doc": body.get("mappings", {})}} for name, body in legacy.items()
        },
    }  # fmt: skip


def _composable(meta: str) -> list[str]:
    body = "index_templates.index_template"
    wanted = ("index_patterns", "priority", "composed_of", "data_stream.hidden", meta, f"template.mappings.{meta}")
    return ["index_templates.name", *(f"{body}.{each}" for each in wanted)]
