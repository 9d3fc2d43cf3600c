"""Personal roles on real nodes: what they give, how they end, and what others do to them."""

import secrets
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from dataclasses import replace
from typing import Any

import pytest
from elasticsearch import Elasticsearch
from pydantic import SecretStr

from bot.access.accounts.account import Accounts, FoundRole, NameTaken, PersonalRole
from bot.access.accounts.role_entries import check_together
from bot.access.clock import SystemClock
from bot.access.errors import InvalidRequest, Outage, Refusal, Unanswered
from bot.access.models.limits import Limits
from bot.access.models.receipts import PersonalRoleLeft, Receipt
from bot.access.ports import CredentialSpec, Privileges
from bot.cluster.client import ClusterConnection, connect
from bot.cluster.cluster import ElasticsearchCluster
from bot.cluster.ends.readback import READ_SECONDS
from bot.cluster.ownership import Installation
from bot.sandbox.fault_proxy import CutConnection, FaultProxy, Phase, ProxyRequest, Verdict, failure
from bot.sandbox.node import Node
from tests.nodes import make_visible
from tests.own_accounts import FORBIDDEN, OK, ending, new_person, part, role_of, role_there, searches

WRITE = Privileges(("read", "write"))


@pytest.fixture
def accounts(cluster: ElasticsearchCluster) -> Accounts:
    return cluster.accounts


@pytest.fixture
def folder(each_node: Node) -> str:
    """The beginning of the names of some indices."""
    begin = f"own-{secrets.token_hex(4)}"
    for name in ("a", "b"):
        each_node.create_index(f"{begin}-{name}", docs=[{"message": "a line"}])
    return begin


@pytest.fixture
def holder(each_node: Node) -> Iterator[tuple[str, Elasticsearch]]:
    """A person whose account has the name of their personal role, and a client of theirs."""
    person, password = new_person(), secrets.token_urlsafe(16)
    username = f"holder-{person}"
    each_node.client().security.put_user(username=username, password=password, roles=[role_of(person).name])
    with each_node.client_of(username, password) as client:
        yield person, client


def left(receipt: Receipt) -> tuple[str, ...]:
    """The grants that a role was read back to hold."""
    assert receipt.personal_role is not None
    return receipt.personal_role.grants


# --- what a role gives ---


def test_access_begins_and_ends_with_the_role(
    accounts: Accounts, folder: str, holder: tuple[str, Elasticsearch]
) -> None:
    person, client = holder
    assert searches(client, f"{folder}-a") == FORBIDDEN, "a name without a role gives nothing"
    for _ in range(3):
        role = role_of(person, part(person, f"{folder}-*"))
        accounts.write(role)
        assert searches(client, f"{folder}-a") == OK
        (receipt,) = accounts.end([replace(role, parts=())], ending(role, *role.parts))
        assert searches(client, f"{folder}-a") == FORBIDDEN
        assert receipt == Receipt(True, True, 0, personal_role=PersonalRoleLeft(role.name))
        assert receipt.complete


def test_grants_overlap_and_each_ends_alone(accounts: Accounts, folder: str, holder: tuple[str, Elasticsearch]) -> None:
    person, client = holder
    reads, writes = part(person, f"{folder}-a"), part(person, f"{folder}-b", privileges=WRITE)
    both = role_of(person, reads, writes)
    accounts.write(role_of(person, reads))
    accounts.write(both)

    def may(index: str, privilege: str) -> bool:
        asked = [{"names": [f"{folder}-{index}"], "privileges": [privilege]}]
        return bool(client.security.has_privileges(index=asked)["has_all_requested"])

    assert [may("a", "read"), may("a", "write"), may("b", "read"), may("b", "write")] == [True, False, True, True]
    only_reads = role_of(person, reads)
    (receipt,) = accounts.end([only_reads], ending(both, writes))
    assert receipt == Receipt(
        True, True, 0, personal_role=PersonalRoleLeft(both.name, (reads.grant_id,), (f"{folder}-a",))
    )
    assert [may("a", "read"), may("b", "read"), may("b", "write")] == [True, False, False]
    assert accounts.end([role_of(person)], ending(both, reads))[0].complete


def test_cluster_privileges_and_kibana_features_are_joined_and_those_of_an_end_are_gone(
    accounts: Accounts, each_node: Node
) -> None:
    person = new_person()
    first = part(person, "a", privileges=Privileges(("read",), ("feature_ml.read",), ("default",), monitor=True))
    second = part(person, "b", privileges=Privileges(("read",), cluster=("manage_ilm",), run_as=("x",)))
    accounts.write(role_of(person, first, second))
    role = role_there(each_node, role_of(person).name) or {}
    assert (role["cluster"], role["run_as"]) == (["monitor", "manage_ilm"], ["x"])
    accounts.end([role_of(person, second)], ending(role_of(person), first))
    role = role_there(each_node, role_of(person).name) or {}
    assert (role["cluster"], role["applications"]) == (["manage_ilm"], [])
    accounts.end([role_of(person)], ending(role_of(person), second))


def test_five_hundred_grants_of_one_person(
    accounts: Accounts, each_node: Node, folder: str, holder: tuple[str, Elasticsearch]
) -> None:
    person, client = holder
    parts = [part(person, f"{folder}-{number}-*", privileges=WRITE) for number in range(499)]
    role = role_of(person, *parts, part(person, f"{folder}-a"))
    accounts.write(role)
    assert searches(client, f"{folder}-a") == OK
    assert searches(client, f"{folder}-b") == FORBIDDEN
    make_visible(each_node)
    (found,) = _found(accounts, person)
    assert (found.parts, found.by_hand) == (role.parts, False)
    (receipt,) = accounts.end([replace(role, parts=role.parts[:-1])], ending(role, role.parts[-1]))
    assert receipt.complete
    assert len(left(receipt)) == 499
    assert searches(client, f"{folder}-a") == FORBIDDEN
    assert accounts.end([role_of(person)], ending(role, *parts))[0].complete


def test_what_is_accepted_together_can_be_evaluated_and_the_rest_is_refused(
    accounts: Accounts, folder: str, holder: tuple[str, Elasticsearch]
) -> None:
    person, client = holder
    alike = [part(person, f"*-{letter}{letter}-*") for letter in "abcdefghijkl"]
    apart = [replace(each, privileges=Privileges(("read",), run_as=(each.grant_id,))) for each in alike]
    for parts in (alike, _accepted(apart)):
        accounts.write(role_of(person, *parts, part(person, f"{folder}-a")))
        assert searches(client, f"{folder}-a") == OK
        assert searches(client, f"{folder}-b") == FORBIDDEN
    with pytest.raises(Refusal, match="more stars than Elasticsearch can evaluate"):
        accounts.write(role_of(person, *apart))
    assert accounts.end([role_of(person)], {})[0].complete


def _accepted(parts: Sequence[CredentialSpec]) -> Sequence[CredentialSpec]:
    """The first parts that are accepted together."""
    number = 1
    with suppress(InvalidRequest):
        while number < len(parts):
            check_together(parts[: number + 1])
            number += 1
    return parts[:number]


def test_limits_that_the_licence_does_not_have_are_refused_before_anything_is_written(
    accounts: Accounts, each_node: Node
) -> None:
    person = new_person()
    limited = Privileges(("read",), limits=Limits(hidden=("ssn",)))
    with pytest.raises(Refusal):
        accounts.write(role_of(person, part(person, "logs-a", privileges=limited)))
    assert role_there(each_node, role_of(person).name) is None


# --- what is found without the database ---


def _found(accounts: Accounts, person: str) -> list[FoundRole]:
    return [each for page in accounts.found() for each in page if each.person == person]


def test_what_is_found_says_everything_that_was_written(
    accounts: Accounts, cluster: ElasticsearchCluster, each_node: Node
) -> None:
    person = new_person()
    parts = (
        part(person, "logs-*", "*-metrics", withheld=("logs-secret",), excluded=("logs-cards-*",), opens_kibana=True),
        part(person, ".own-*", privileges=Privileges(("all",), ("all",), ("*",), ("manage",), ("x",), True)),
    )
    accounts.write(role_of(person, *parts))
    make_visible(each_node)
    (found,) = _found(accounts, person)
    role = role_of(person, *parts)
    assert found == FoundRole(role.name, person, role.account, parts, by_hand=False)
    assert role.name not in {each.username for page in cluster.found() for each in page}, "it is no grant of its own"
    accounts.end([role_of(person)], ending(role, *parts))
    make_visible(each_node)
    assert _found(accounts, person) == []


Change = Callable[[dict[str, Any]], object]

BY_HAND: dict[str, Change] = {
    "more names": lambda role: role["indices"][0]["names"].append("secret"),
    "an entry": lambda role: role["indices"].append({"names": ["secret"], "privileges": ["read"]}),
    "a cluster privilege": lambda role: role["cluster"].append("manage"),
    "system indices": lambda role: role["indices"][0].update(allow_restricted_indices=True),
    "less": lambda role: role["indices"][0].update(privileges=["monitor"]),
    "a later end": lambda role: _mark(role)["parts"][0].update(expires_at="2100-01-01T00:00:00+00:00"),
    "another account": lambda role: _mark(role).update(account="mallory"),
    "an end that is none": lambda role: _mark(role)["parts"][0].update(expires_at="later"),
    "a part that is none": lambda role: _mark(role)["parts"].append("everything"),
}


def _mark(role: dict[str, Any]) -> dict[str, Any]:
    mark: dict[str, Any] = role["metadata"]["es_access"]
    return mark


@pytest.mark.parametrize("change", BY_HAND.values(), ids=BY_HAND)
def test_a_role_that_was_changed_by_hand_is_known_and_its_end_is_not_confirmed_until_it_is_set_right(
    accounts: Accounts, each_node: Node, change: Change
) -> None:
    person = new_person()
    stays, ends = part(person, "logs-a"), part(person, "logs-b")
    role = role_of(person, stays)
    accounts.write(role)
    _edit(each_node, role, change)
    (found,) = _found(accounts, person)
    assert found.by_hand
    # Whatever was done to it: the next write says everything anew.
    (receipt,) = accounts.end([role], ending(role, ends))
    assert (receipt.complete, left(receipt)) == (True, (stays.grant_id,))
    accounts.end([role_of(person)], ending(role, stays))


def _edit(node: Node, role: PersonalRole, change: Change) -> None:
    there = role_there(node, role.name) or {}
    change(there)
    there.pop("transient_metadata", None)
    node.client().security.put_role(name=role.name, **there, refresh=True)


def test_a_role_that_somebody_changes_after_the_write_of_its_end_is_not_confirmed(
    accounts: Accounts, each_node: Node, proxy: FaultProxy
) -> None:
    person = new_person()
    stays, ends = part(person, "logs-a"), part(person, "logs-b")
    role = role_of(person, stays)
    accounts.write(role_of(person, stays, ends))

    def hook(request: ProxyRequest, phase: Phase) -> Verdict:
        if (request.method, phase) == ("PUT", "after"):
            _edit(each_node, role, BY_HAND["an entry"])
        return None

    proxy.hook = hook
    (receipt,) = accounts.end([role], ending(role, ends))
    assert (receipt.complete, receipt.role_gone) == (False, False)
    proxy.hook = None
    assert accounts.end([role], ending(role, ends))[0].complete
    accounts.end([role_of(person)], ending(role, stays))


def test_another_role_of_ours_that_names_the_person_keeps_the_end_open(accounts: Accounts, each_node: Node) -> None:
    person = new_person()
    only = part(person, "logs-a")
    role = role_of(person, only)
    accounts.write(role)
    copy = f"copy-{secrets.token_hex(4)}"
    there = role_there(each_node, role.name) or {}
    there.pop("transient_metadata", None)
    each_node.client().security.put_role(name=copy, **there, refresh=True)
    (receipt,) = accounts.end([role_of(person)], ending(role, only))
    assert receipt.personal_role == PersonalRoleLeft(role.name, others=(copy,))
    assert not receipt.complete
    each_node.client().security.delete_role(name=copy)
    assert accounts.end([role_of(person)], ending(role, only))[0].complete


# --- roles of somebody else ---


@pytest.fixture
def elsewhere(each_node: Node, executor: ThreadPoolExecutor) -> Iterator[Accounts]:
    """Another installation on the same cluster."""
    username, password = each_node.connector()
    with closing(connect(ClusterConnection(username, SecretStr(password), url=each_node.url))) as client:
        yield ElasticsearchCluster(client, executor, Installation("elsewhere"), SystemClock()).accounts


@pytest.mark.parametrize("whose", ["an administrator", "another installation", "another person"])
def test_a_role_of_somebody_else_is_never_touched(
    accounts: Accounts, elsewhere: Accounts, each_node: Node, whose: str
) -> None:
    person = new_person()
    role = role_of(person, part(person, "logs-a"))
    if whose == "an administrator":
        each_node.client().security.put_role(name=role.name, cluster=["monitor"])
    elif whose == "another installation":
        elsewhere.write(role)
    else:
        accounts.write(replace(role, person=new_person()))
    before = role_there(each_node, role.name)
    with pytest.raises(NameTaken):
        accounts.write(role)
    for each in (role, replace(role, parts=())):
        (receipt,) = accounts.end([each], ending(role, *role.parts))
        assert (receipt.complete, receipt.foreign, receipt.final) == (False, True, True)
    assert role_there(each_node, role.name) == before
    each_node.client().security.delete_role(name=role.name)


def test_one_that_was_changed_by_hand_is_set_right_among_many(accounts: Accounts, each_node: Node) -> None:
    """A call for many roles leaves parts of a role that it does not name."""
    persons = [new_person() for _ in range(3)]
    full = [role_of(person, part(person, "logs-a"), part(person, "logs-b")) for person in persons]
    accounts.end(full, {})
    more = [{"names": ["*"], "privileges": ["read"], "clusters": ["*"]}]
    _edit(each_node, full[1], lambda role: role.update(remote_indices=more))
    now = [replace(role, parts=role.parts[:1]) for role in full]
    receipts = accounts.end(now, {role.name: [role.parts[1].grant_id] for role in full})
    assert [each.complete for each in receipts] == [True] * 3
    assert "remote_indices" not in (role_there(each_node, full[1].name) or {})
    accounts.end([replace(role, parts=()) for role in full], {})


# --- many at once, and bad days ---


@pytest.mark.parametrize("together", [True, False], ids=["together", "one by one"])
def test_many_end_at_once_and_each_has_its_receipt(
    accounts: Accounts, each_node: Node, proxy: FaultProxy, together: bool
) -> None:
    persons = [new_person() for _ in range(130)]
    full = [role_of(person, part(person, "logs-a"), part(person, "logs-b")) for person in persons]
    accounts.end(full, {})
    assert role_there(each_node, full[-1].name) is not None
    paths: list[str] = []

    def hook(request: ProxyRequest, phase: Phase) -> Verdict:
        if phase == "before":
            paths.append(f"{request.method} {request.path.partition('?')[0]}")
        many = request.method in {"POST", "DELETE"} and request.path.startswith("/_security/role?")
        return failure(405) if many and phase == "before" and not together else None

    proxy.hook = hook
    now = [replace(role, parts=role.parts[: number % 2]) for number, role in enumerate(full)]
    ended = {role.name: ending(role, *role.parts[number % 2 :])[role.name] for number, role in enumerate(full)}
    receipts = accounts.end(now, ended)
    proxy.hook = None
    assert [each.complete for each in receipts] == [True] * len(persons)
    assert [left(each) for each in receipts] == [tuple(part.grant_id for part in role.parts) for role in now]
    assert [role_there(each_node, role.name) is not None for role in now[:4]] == [False, True, False, True]
    if together:
        assert len(paths) < 20, "not a call for each"
    assert all(each.complete for each in accounts.end([replace(role, parts=()) for role in full], {}))


CALLS = [("GET", "/_security/role/"), ("PUT", "/_security/role/"), ("DELETE", "/_security/role/"),
         ("POST", "/_security/_query/api_key"), ("POST", "/_security/_query/role")]  # fmt: skip


def on(method: str, path: str, phase: Phase, verdict: Verdict) -> Callable[[ProxyRequest, Phase], Verdict]:
    def hook(request: ProxyRequest, now: Phase) -> Verdict:
        return verdict if (request.method, now) == (method, phase) and request.path.startswith(path) else None

    return hook


@pytest.mark.parametrize(("method", "path"), CALLS)
@pytest.mark.parametrize(
    ("phase", "verdict"), [("before", failure(503)), ("after", CutConnection())], ids=["503", "cut"]
)
def test_an_end_that_breaks_at_any_call_is_not_confirmed_unless_it_was_read_and_the_next_attempt_ends_all(
    accounts: Accounts, each_node: Node, proxy: FaultProxy, method: str, path: str, phase: Phase, verdict: Verdict
) -> None:
    first, second = new_person(), new_person()
    stays, over = part(first, "logs-a"), part(first, "logs-b")
    other = part(second, "logs-b")
    roles = [role_of(first, stays), role_of(second)]
    accounts.end([role_of(first, stays, over), role_of(second, other)], {})
    ended = {**ending(roles[0], over), **ending(roles[1], other)}
    proxy.hook = on(method, path, phase, verdict)
    receipts = accounts.end(roles, ended)
    proxy.hook = None
    for role, receipt in zip(roles, receipts, strict=True):
        held = _held(each_node, role)
        assert not receipt.complete or not held & set(ended[role.name])
    assert any(each.errors for each in receipts)
    assert [each.complete for each in accounts.end(roles, ended)] == [True, True]
    assert [_held(each_node, role) for role in roles] == [{stays.grant_id}, set()]
    accounts.end([role_of(first)], {})


def _held(node: Node, role: PersonalRole) -> set[str]:
    there = role_there(node, role.name)
    return set() if there is None else {each["grant"] for each in _mark(there)["parts"]}


@pytest.mark.parametrize("phase", ["before", "after"])
def test_a_write_that_nobody_answers_says_so(accounts: Accounts, proxy: FaultProxy, phase: Phase) -> None:
    person = new_person()
    role = role_of(person, part(person, "logs-a"))
    proxy.hook = on("PUT", "/_security/role/", phase, CutConnection())
    with pytest.raises(Unanswered):
        accounts.write(role)
    proxy.hook = on("GET", "/_security/role/", phase, failure(503))
    with pytest.raises(Outage):
        accounts.write(role)
    proxy.hook = None
    accounts.write(role)
    assert accounts.end([role_of(person)], ending(role, *role.parts))[0].complete


def test_nodes_forget_the_role_when_a_change_took_effect_and_was_not_answered(
    accounts: Accounts, proxy: FaultProxy
) -> None:
    person = new_person()
    role = role_of(person, part(person, "logs-a"))
    accounts.write(role)
    over, paths = threading.Event(), []

    def hook(request: ProxyRequest, phase: Phase) -> Verdict:
        if phase == "after" and (request.method == "DELETE" or request.path.endswith("_clear_cache")):
            paths.append(request.path)
            over.wait(30)
        return None

    proxy.hook = hook
    (receipt,) = accounts.end([role_of(person)], ending(role, *role.parts))
    over.set()
    proxy.hook = None
    assert receipt.complete
    assert receipt.errors == ("Elasticsearch does not answer: no answer in time",)
    assert f"/_security/role/{role.name}/_clear_cache" in paths


def test_a_search_that_hangs_is_asked_again(accounts: Accounts, proxy: FaultProxy) -> None:
    person = new_person()
    role = role_of(person, part(person, "logs-a"))
    accounts.write(role)
    hung = iter(["/_security/_query/api_key", "/_security/_query/role"])
    waits_for = next(hung)

    def hook(request: ProxyRequest, phase: Phase) -> Verdict:
        nonlocal waits_for
        if phase == "before" and waits_for and request.path.startswith(waits_for):
            waits_for = next(hung, "")
            time.sleep(READ_SECONDS + 0.5)
        return None

    proxy.hook = hook
    (receipt,) = accounts.end([role_of(person)], ending(role, *role.parts))
    assert (receipt.complete, receipt.errors, waits_for) == (True, (), "")


def test_what_remains_and_is_refused_goes_with_what_has_ended(accounts: Accounts, each_node: Node) -> None:
    person = new_person()
    stays, over = part(person, "logs-a"), part(person, "logs-b")
    accounts.write(role_of(person, stays, over))
    unknown = replace(stays, privileges=Privileges(("no such privilege",)))
    (receipt,) = accounts.end([role_of(person, unknown)], ending(role_of(person), over))
    assert (receipt.complete, receipt.final, left(receipt)) == (True, True, ())
    assert role_there(each_node, role_of(person).name) is None
    with pytest.raises(Refusal):
        accounts.write(role_of(person, unknown))
