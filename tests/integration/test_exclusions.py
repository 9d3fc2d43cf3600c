"""A role keeps to what its access flow excludes, on a node of each version: users, keys, aliases and data streams."""

import secrets
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace

import pytest
from elasticsearch import AuthorizationException, Elasticsearch
from pydantic import SecretStr

from bot.access.ownership.aliases import withheld_aliases
from bot.sandbox.node import Node
from tests.integration.given_access import cluster_of, given, spec_of
from tests.nodes import versions

EXCLUDED = ("app-secret-*", "*-private")
INDICES = ("app-web", "app-secret-1", "app-private", "other")


@pytest.fixture(scope="module", params=versions())
def furnished(request: pytest.FixtureRequest) -> Iterator[Node]:
    """A node of these tests' own, since the embedded one cannot delete its data streams."""
    with Node.start(request.param) as node:
        for name in INDICES:
            node.create_index(name, docs=[{"line": name}])
        indices = node.client().indices
        indices.put_index_template(
            name="streams",
            index_patterns=["app-stream*", "app-secret-stream"],
            data_stream={},
            template={"settings": {"number_of_replicas": 0}},
        )
        for name in ("app-stream", "app-secret-stream"):
            document = {"@timestamp": "2026-01-01T00:00:00Z"}
            node.client().index(index=name, op_type="create", document=document, refresh=True)
        indices.update_aliases(
            actions=[
                {"add": {"index": "app-secret-1", "alias": "app-all"}},
                {"add": {"index": "app-web", "alias": "app-all"}},
                {"add": {"index": "app-web", "alias": "app-now"}},
            ]
        )
        yield node


@contextmanager
def access(node: Node, patterns: Sequence[str], *, key: bool) -> Iterator[Elasticsearch]:
    """A client of a user, or of a key, who was granted these patterns without the excluded names."""
    with cluster_of(node) as cluster:
        withheld = withheld_aliases(patterns, cluster.catalogue(), EXCLUDED)
        spec = replace(spec_of(patterns), withheld=withheld, excluded=EXCLUDED)
        if not key:
            with given(node, cluster, spec) as person:
                yield person
            return
        api_key = cluster.grant_key(spec, SecretStr(secrets.token_urlsafe(24))).secret.get_secret_value()
        with Elasticsearch(node.url, api_key=api_key) as person:
            yield person
        assert all(receipt.complete for receipt in cluster.remove([spec.username]))


def found(person: Elasticsearch, index: str) -> set[str]:
    hits = person.search(index=index, size=100, expand_wildcards=["open", "hidden"])["hits"]["hits"]
    return {each["_index"].removeprefix(".ds-").partition("-2")[0] for each in hits}


@pytest.mark.parametrize("key", [False, True], ids=["user", "key"])
@pytest.mark.parametrize("pattern", ["app-*", "*", "*p*-*"])
def test_a_wildcard_finds_everything_but_what_is_excluded(furnished: Node, pattern: str, *, key: bool) -> None:
    with access(furnished, [pattern], key=key) as person:
        assert found(person, "*") == {"app-web", "app-stream", *(["other"] if pattern == "*" else [])}
        assert found(person, "app-now") == {"app-web"}
        for index in ("app-secret-1", "app-private", "app-secret-stream", "app-all"):
            with pytest.raises(AuthorizationException):
                person.search(index=index)
        backing = furnished.client().indices.get(index="app-secret-stream", expand_wildcards="all")
        for index in backing:
            with pytest.raises(AuthorizationException):
                person.search(index=index)
        assert "app-secret-1" not in person.field_caps(index="*", fields="line")["indices"]


def test_names_beside_a_wildcard_are_kept(furnished: Node) -> None:
    with access(furnished, ["other", "app-web", "app-s*"], key=False) as person:
        assert found(person, "*") == {"other", "app-web", "app-stream"}
