"""A flow that denies reading: no permission that is given under it can read, however it is spelt."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from elasticsearch import AuthorizationException, Elasticsearch

from bot.sandbox.node import Node
from tests.stage import Stage, set_stage

POLICY = """
permissions:
  - {name: raw, indices: [read]}
  - {name: everything, indices: [all]}
  - {name: collect, indices: [create_doc, read]}
  - {name: update, indices: [index]}
  - {name: values, indices: [view_index_metadata]}
  - {name: append, indices: [create_doc]}
  - {name: watch, indices: [monitor]}
access_flows:
  - {name: no reading, deny: true, patterns: ["metrics-*"], permissions: [read]}
  - name: by rule
    permissions: [read, write, manage, raw, everything, collect, update, values, append, watch]
    approve: rule
"""

READING: tuple[Callable[[Elasticsearch], object], ...] = (
    lambda person: person.search(index="metrics-cpu"),
    lambda person: person.get(index="metrics-cpu", id="known"),
    lambda person: person.update(index="metrics-cpu", id="known", doc={}, source=True),
    lambda person: person.indices.validate_query(index="metrics-cpu", q="message:*", explain=True, rewrite=True),
)


@pytest.fixture
def stage(each_node: Node, tmp_path: Path) -> Iterator[Stage]:
    with ExitStack() as stack:
        ready = set_stage(each_node, tmp_path, stack, policy=lambda _: POLICY)
        each_node.client().index(index="metrics-cpu", id="known", document={"message": "known"}, refresh=True)
        ready.app.start()
        yield ready


def test_what_reads_is_refused_and_what_is_given_cannot_read(stage: Stage) -> None:
    for permission in ("read", "write", "manage", "raw", "everything", "collect", "update", "values"):
        assert "“no reading” forbids it" in stage.say(stage.alice, f"metrics-* 1h {permission}"), permission
    for permission in ("append", "watch"):
        secret = stage.secret(stage.ask(f"metrics-* 1h {permission}"))
        with stage.node.client_of(secret.username, secret.password) as person:
            for read in READING:
                with pytest.raises(AuthorizationException):
                    read(person)
