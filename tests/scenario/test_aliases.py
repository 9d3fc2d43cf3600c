"""Aliases on a real node: the approval message, hidden indices behind an alias, and aliases that move."""

import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from bot.sandbox.node import Node
from tests.stage import Stage, set_stage

INDICES = {
    "till-1": "@payments",
    "till-2": "@payments",
    "vault-1": "dave@example.com",
    "salary-1": "dave@example.com",
    ".internal-x-1": None,
}
"""The indices and their owners; carol is @payments."""

FLOWS = """
access_flows:
  - name: nobody
    deny: true
    patterns: [salary-*]
  - name: kept
    patterns: [till-kept]
    alias_moves: keep
  - name: exactly
    patterns: [till-exact]
    scope: resolved
  - name: everyone
"""

EVERYTHING = """
access_flows:
  - name: everything
    owners: integration
"""

Pointed = Callable[[str, str | None], None]


@pytest.fixture
def pointed(node: Node) -> Iterator[Pointed]:
    """Points an alias to an index and to no other; `None` removes the alias."""
    indices = node.client().indices
    for name, owner in INDICES.items():
        if not indices.exists(index=name):
            node.create_index(name, owner, docs=[{"message": name}])
    indices.put_settings(index=".internal-x-1", settings={"index.hidden": True})

    def point(alias: str, index: str | None) -> None:
        actions = [{"remove": {"index": each, "alias": alias}} for each in INDICES if _has(node, each, alias)]
        actions += [{"add": {"index": index, "alias": alias}}] if index else []
        if actions:
            indices.update_aliases(actions=actions)

    yield point
    indices.delete(index=",".join(INDICES), expand_wildcards="all")


def _has(node: Node, index: str, alias: str) -> bool:
    return bool(node.client().indices.exists_alias(index=index, name=alias))


@pytest.fixture
def stage(request: pytest.FixtureRequest, node: Node, tmp_path: Path, pointed: Pointed) -> Iterator[Stage]:
    """A running stage, whose aliases point to data of @payments, and one to a hidden index."""
    for alias in ("till-now", "till-kept", "till-exact"):
        pointed(alias, "till-1")
    pointed("till-hidden", ".internal-x-1")
    pointed("till-later", None)
    with ExitStack() as stack:
        stage = set_stage(node, tmp_path, stack, policy=lambda _: getattr(request, "param", FLOWS))
        stage.workspace.add_group("payments", [stage.carol])
        stage.app.start()
        yield stage


def look_now(stage: Stage) -> None:
    """Restarts the application, which looks at the aliases of live grants at once."""
    stage.app.stop()
    stage.app.start()


def test_approval_of_an_alias_shows_what_it_points_to_and_that_it_follows(stage: Stage) -> None:
    request = stage.ask("till-now 1h")
    for text in (
        stage.read(stage.approval(stage.carol, request), stage.carol),
        stage.say(stage.alice, "explain till-now 1h"),
    ):
        assert "till-now points to till-1" in text
        assert "covers whatever it points to" in text
        assert "0 bytes" not in text
        assert re.search(r"1 alias, [\d.]+ (bytes|kB)", text)
        assert "Exactly this" not in text
        assert "nothing created later" not in text


def test_alias_that_moves_onto_other_owners_ends_the_access_and_all_are_told(stage: Stage, pointed: Pointed) -> None:
    request = stage.ask("till-now 1h")
    stage.approve(request, stage.carol)
    secret = stage.secret(request)
    stage.is_active(request)
    assert stage.search(secret, "till-now") == 200
    pointed("till-now", "till-2")
    look_now(stage)
    assert stage.search(secret, "till-now") == 200  # the same owners
    pointed("till-now", "vault-1")
    look_now(stage)
    stage.wait(lambda: stage.search(secret, "till-now") == 401, "the end of the access")
    for person in (stage.carol, stage.dave):
        stage.reads(person, request, "till-now points to vault-1 now", "has ended")
    stage.reads(stage.alice, request, "till-now points to other data now", "has ended")
    assert not any("vault-1" in text for text in stage.texts(stage.alice))
    assert "vault-1" in stage.audited("grant.alias_moved", request)


def test_alias_that_moves_onto_denied_data_ends_the_access_though_the_flow_keeps_it(
    stage: Stage, pointed: Pointed
) -> None:
    request = stage.ask("till-kept 1h")
    stage.approve(request, stage.carol)
    secret = stage.secret(request)
    stage.is_active(request)
    pointed("till-kept", "salary-1")
    look_now(stage)
    stage.wait(lambda: stage.search(secret, "till-kept") == 401, "the end of the access")
    stage.reads(stage.carol, request, "salary-1", "forbids")


def test_flow_that_keeps_access_tells_both_owners_once_and_the_new_one_may_end_it(
    stage: Stage, pointed: Pointed
) -> None:
    request = stage.ask("till-kept 1h")
    stage.approve(request, stage.carol)
    secret = stage.secret(request)
    stage.is_active(request)
    pointed("till-kept", "vault-1")
    for _ in range(2):
        look_now(stage)
        for person in (stage.carol, stage.dave):
            stage.reads(person, request, "till-kept points to vault-1 now", "stays")
        stage.reads(stage.alice, request, "till-kept points to other data now", "stays")
    assert stage.search(secret, "till-kept") == 200
    assert len([text for text in stage.texts(stage.dave) if request in text]) == 1
    stage.say(stage.dave, f"revoke {request}")
    stage.wait(lambda: stage.search(secret, "till-kept") == 401, "the end of the access")


def test_alias_of_a_hidden_index_is_refused_by_its_name(stage: Stage) -> None:
    answer = stage.say(stage.alice, "till-hidden 1h")
    assert "till-hidden is an alias of an index with a leading dot" in answer
    assert ".internal-x-1" not in answer
    assert "is filed" not in answer


@pytest.mark.parametrize("stage", [EVERYTHING], indirect=True, ids=["everything"])
@pytest.mark.parametrize("pattern", ["*", "till-*"])
def test_wildcard_gives_no_alias_of_a_hidden_index_whether_it_was_there_or_comes_later(
    stage: Stage, pointed: Pointed, pattern: str
) -> None:
    request = stage.ask(f"{pattern} 1h")
    text = stage.read(stage.approval(stage.bob, request), stage.bob)
    assert "Left out: till-hidden" in text
    stage.approve(request)
    secret = stage.secret(request)
    stage.is_active(request)
    assert stage.search(secret, "till-hidden") == 403
    assert stage.search(secret, "till-now") == 200
    pointed("till-later", ".internal-x-1")
    look_now(stage)
    stage.wait(lambda: stage.search(secret, "till-later") == 403, "the alias left out")
    assert stage.search(secret, "till-now") == 200
    with stage.node.client_of(secret.username, secret.password) as person:
        hits = person.search(index="*", size=1000, expand_wildcards=["open", "hidden"])["hits"]["hits"]
    assert ".internal-x-1" not in {hit["_index"] for hit in hits}
    stage.wait(lambda: "till-later" in "".join(stage.audit("grant.aliases_withheld")) or None, "the audit event")


@pytest.mark.parametrize("stage", [EVERYTHING], indirect=True, ids=["everything"])
def test_key_ends_when_a_hidden_index_comes_behind_an_alias_that_it_covers(stage: Stage, pointed: Pointed) -> None:
    request = stage.ask("till-* 1h --key")
    stage.approve(request)
    stage.is_active(request)
    pointed("till-later", ".internal-x-1")
    look_now(stage)
    stage.reads(stage.alice, request, "till-later points to other data now", "leading dot", "has ended")
    stage.nothing_is_left()


def test_resolved_access_names_what_the_alias_points_to_and_says_so(stage: Stage, pointed: Pointed) -> None:
    request = stage.ask("till-exact 1h")
    text = stage.read(stage.approval(stage.carol, request), stage.carol)
    assert "till-exact points to till-1" in text
    assert "Only these, nothing created later." in text
    stage.approve(request, stage.carol)
    secret = stage.secret(request)
    stage.is_active(request)
    assert stage.search(secret, "till-1") == 200
    assert stage.search(secret, "till-exact") == 403
    told = stage.reads(stage.alice, f"ACCESS {request}", "Password: ")
    assert "/till-1/_search" in told
    assert "till-exact is an alias, and its name does not work: use till-1." in told
    pointed("till-exact", "vault-1")
    look_now(stage)
    assert stage.search(secret, "till-1") == 200
    assert stage.search(secret, "vault-1") == 403
