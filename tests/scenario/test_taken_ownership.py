"""A person who may write an index tries to take it from its owner, on a real node and in the workspace."""

from collections.abc import Iterator
from contextlib import ExitStack
from itertools import count
from pathlib import Path

import pytest

from bot.sandbox.node import Node
from bot.sandbox.workspace import User
from tests.stage import Secret, Stage, request_id, set_stage

POLICY = """
permissions:
  - {name: indexer, indices: [index]}
  - {name: creator, indices: [create]}
  - {name: appender, indices: [create_doc]}
  - {name: everything, indices: [all]}
access_flows:
  - name: everyone
    permissions: [read, write, manage, indexer, creator, appender, everything]
"""

WRITING = ("write", "indexer", "creator", "appender", "manage", "everything")

_NUMBERS = count(1)


def opened(node: Node, directory: Path, stack: ExitStack, policy: str = POLICY) -> Stage:
    """`@ops` is carol; bob owns the integration."""
    client = node.client()
    stage = set_stage(node, directory, stack, policy=lambda _: policy)
    stage.workspace.add_group("ops", [stage.carol])
    stack.callback(lambda: client.indices.delete(index=",".join(client.indices.get(index="own-*"))))
    return stage


@pytest.fixture
def owned(node: Node, tmp_path: Path) -> Iterator[Stage]:
    """A running stage with an index of `@ops` for each permission that can write."""
    with ExitStack() as stack:
        stage = opened(node, tmp_path, stack)
        for permission in WRITING:
            node.create_index(f"own-{permission}", owner="@ops", docs=[{"line": 1}])
        stage.app.start()
        yield stage


def given(stage: Stage, pattern: str, permission: str) -> tuple[str, Secret]:
    """Access that `@ops` has approved."""
    request = stage.ask(f"{pattern} 1m {permission}")
    stage.approve(request, stage.carol)
    secret = stage.secret(request)
    stage.is_active(request)
    return request, secret


def writes(stage: Stage, secret: Secret, index: str, owner: str | None) -> None:
    client = stage.node.client_of(secret.username, secret.password)
    try:
        client.indices.put_mapping(index=index, meta={} if owner is None else {"owner": owner})
    finally:
        client.close()


def ends(stage: Stage, request: str, secret: Secret) -> None:
    assert "is being ended" in stage.say(stage.alice, f"revoke {request}")
    stage.refused(secret)


def asks(stage: Stage, name: str) -> str:
    """Asks for the index at once, and returns the request. A name from just now makes the catalogue a fresh one."""
    fresh = f"own-fresh-{next(_NUMBERS)}"
    stage.node.create_index(fresh)

    def ask() -> str | None:
        answer = stage.say(stage.alice, f"{name},{fresh} 1h --again")
        return request_id(answer) if "is filed" in answer else None  # it is read again after two seconds

    return stage.wait(ask, f"a catalogue with {fresh}")


def needed(stage: Stage, request: str, owner: User) -> list[str]:
    """Who has to approve, as an owner reads it, without the integration owner of the fresh name."""
    text = stage.read(stage.approval(owner, request), owner)
    lines = [line.split(" (")[0] for line in text.splitlines() if "waiting for one approval" in line]
    return sorted(line for line in lines if line != "elasticsearch")


def message(stage: Stage, owner: User, name: str, title: str = "CHANGED OWNER TO CONFIRM") -> str:
    return stage.reads(owner, f"{title}: {name.upper()}")


def click(stage: Stage, owner: User, name: str, button: str) -> None:
    found = next(each for each in stage.workspace.messages(owner) if f": {name.upper()}" in stage.read(each, owner))
    stage.workspace.click(owner, found, button)


def test_whoever_may_write_an_index_cannot_take_it_from_its_owner(owned: Stage) -> None:
    dave = owned.dave.id
    for permission in WRITING:
        index = f"own-{permission}"
        grant, secret = given(owned, index, permission)
        writes(owned, secret, index, dave)
        ends(owned, grant, secret)
        request = asks(owned, index)
        assert needed(owned, request, owned.carol) == sorted(["@ops", dave]), permission
        text = message(owned, owned.carol, index)
        assert f"@alice could change it with {grant}" in text
        assert "Before: @ops" in text
        assert "Now: @dave" in text
        assert f'"after": "{dave}"' in owned.audited("owner.changed", grant)
    owned.approve(request, owned.dave)
    owned.approve(request, owned.bob)
    assert "pending" in owned.say(owned.alice, "list")
    owned.approve(request, owned.carol)
    owned.secret(request)


def test_nor_by_removing_it_nor_through_an_alias_nor_by_a_new_index(owned: Stage) -> None:
    dave, node = owned.dave.id, owned.node.client()
    grant, secret = given(owned, "own-write", "write")
    writes(owned, secret, "own-write", None)
    ends(owned, grant, secret)
    request = asks(owned, "own-write")
    assert "no owner, so the integration owner" in message(owned, owned.carol, "own-write")
    assert needed(owned, request, owned.carol) == ["@ops"]

    node.indices.put_alias(index="own-indexer", name="through")
    grant, secret = given(owned, asks_fresh_alias(owned), "write")
    writes(owned, secret, "through", dave)
    ends(owned, grant, secret)
    assert needed(owned, asks(owned, "own-indexer"), owned.carol) == sorted(["@ops", dave])

    grant, secret = given(owned, "own-manage", "manage")
    client = owned.node.client_of(secret.username, secret.password)
    client.indices.delete(index="own-manage")
    client.indices.create(index="own-manage", mappings={"_meta": {"owner": dave}})
    client.close()
    ends(owned, grant, secret)
    assert needed(owned, asks(owned, "own-manage"), owned.carol) == sorted(["@ops", dave])

    grant, secret = given(owned, "own-everyth*", "everything")
    client = owned.node.client_of(secret.username, secret.password)
    client.indices.create(index="own-everything-new", mappings={"_meta": {"owner": dave}})
    client.close()
    ends(owned, grant, secret)
    assert needed(owned, asks(owned, "own-everything-new"), owned.carol) == sorted(["@ops", dave])


def asks_fresh_alias(stage: Stage) -> str:
    """The alias, once the application has seen it."""
    stage.wait(lambda: "Matches now" in stage.say(stage.alice, "explain through 1h") or None, "the alias")
    return "through"


def test_an_owner_confirms_or_keeps(owned: Stage) -> None:
    dave = owned.dave.id
    for index, permission in (("own-write", "write"), ("own-indexer", "indexer")):
        grant, secret = given(owned, index, permission)
        writes(owned, secret, index, dave)
        ends(owned, grant, secret)
        assert needed(owned, asks(owned, index), owned.carol) == sorted(["@ops", dave])
        message(owned, owned.carol, index)

    click(owned, owned.carol, "own-write", "Confirm")
    assert "Confirmed by @carol" in message(owned, owned.carol, "own-write", "CHANGED OWNER CONFIRMED")
    assert needed(owned, asks(owned, "own-write"), owned.dave) == [dave]
    assert owned.audit("owner.confirmed")

    click(owned, owned.carol, "own-indexer", "Keep us")
    assert "Overruled by @carol" in message(owned, owned.carol, "own-indexer", "CHANGED OWNER OVERRULED")
    assert needed(owned, asks(owned, "own-indexer"), owned.carol) == ["@ops"]
    assert owned.audit("owner.kept")


def test_owners_in_templates_are_out_of_reach(node: Node, tmp_path: Path) -> None:
    with ExitStack() as stack:
        stage = opened(node, tmp_path, stack, f"    owners_from: template\n{POLICY}")
        admin = node.client()
        admin.indices.put_index_template(name="own", index_patterns=["own-tmpl*"], meta={"owner": "@ops"}, priority=500)
        stack.callback(lambda: admin.indices.delete_index_template(name="own"))
        node.create_index("own-tmpl", docs=[{"line": 1}])
        stage.app.start()
        for permission in ("manage", "everything"):
            grant, secret = given(stage, "own-tmpl", permission)
            writes(stage, secret, "own-tmpl", stage.dave.id)
            client = node.client_of(secret.username, secret.password).options(ignore_status=403)
            taken = client.indices.put_index_template(
                name="taken", index_patterns=["own-*"], meta={"owner": stage.dave.id}, priority=600
            )
            assert taken.meta.status == 403
            ends(stage, grant, secret)
            assert needed(stage, asks(stage, "own-tmpl"), stage.carol) == ["@ops"]
        assert not stage.audit("owner.changed")
