"""Removes many grants at once from a real node of each version, and API keys one by one."""

import secrets
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from elasticsearch import Elasticsearch
from pydantic import SecretStr

from bot.access.clock import SystemClock
from bot.access.errors import Gone, Outage
from bot.access.models.receipts import Receipt
from bot.access.ports import Credential, CredentialSpec, Privileges
from bot.cluster.client import ClusterConnection, connect
from bot.cluster.cluster import ElasticsearchCluster
from bot.cluster.ends.readback import READ_SECONDS
from bot.cluster.ends.removal import CHANGE_SECONDS
from bot.cluster.ownership import Installation
from bot.sandbox.fault_proxy import CutConnection, FaultProxy, Phase, ProxyRequest, Verdict, failure
from bot.sandbox.node import Node

GONE = Receipt(user_gone=True, role_gone=True, keys_left=0)
DISABLED = Receipt(user_gone=False, role_gone=True, keys_left=0, user_disabled=True)
INDEX = "removed-logs"


@pytest.fixture
def index(each_node: Node) -> str:
    if not each_node.client().indices.exists(index=INDEX):
        each_node.create_index(INDEX, docs=[{"message": "a line"}])
    return INDEX


def spec(until: datetime | None = None) -> CredentialSpec:
    name = f"es-access-{secrets.token_hex(4)}"
    until = until or datetime.now(UTC) + timedelta(hours=1)
    return CredentialSpec("REQ-7K3F9Q", name, "U0ALICE", (INDEX,), Privileges(("read",)), until)


def password() -> SecretStr:
    return SecretStr(secrets.token_urlsafe(24))


def made(cluster: ElasticsearchCluster, count: int) -> dict[str, SecretStr]:
    """Creates `count` users and roles. Returns their names and passwords."""
    found = {}
    for _ in range(count):
        each, secret = spec(), password()
        cluster.create(each, secret)
        found[each.username] = secret
    return found


def there(node: Node, names: Sequence[str]) -> tuple[set[str], set[str]]:
    """Those of these users and roles that exist, read one by one."""
    security = node.client().options(ignore_status=404).security
    users = {each for each in names if each in security.get_user(username=each).body}
    return users, {each for each in names if each in security.get_role(name=each).body}


def signs_in(node: Node, username: str, secret: SecretStr) -> bool:
    with Elasticsearch(node.url, basic_auth=(username, secret.get_secret_value())) as client:
        return bool(client.options(ignore_status=401).security.authenticate().meta.status == 200)


def searches(node: Node, credential: Credential) -> int:
    """The status of a search with an API key."""
    with Elasticsearch(node.url, api_key=credential.secret.get_secret_value()) as client:
        return int(client.options(ignore_status=[401, 403]).search(index=INDEX).meta.status)


def key_by_hand(node: Node, username: str, secret: SecretStr) -> None:
    node.client().security.grant_api_key(
        grant_type="password", username=username, password=secret.get_secret_value(),
        api_key={"name": "by an admin"}, refresh=True,
    )  # fmt: skip


def on(path: str, verdict: Verdict, method: str = "DELETE") -> Callable[[ProxyRequest, Phase], Verdict]:
    def hook(request: ProxyRequest, phase: Phase) -> Verdict:
        return verdict if (request.method, phase) == (method, "before") and path in request.path else None

    return hook


# --- many at once ---


def test_many_are_gone_at_once_and_each_receipt_says_so(cluster: ElasticsearchCluster, each_node: Node) -> None:
    users = made(cluster, 25)
    names = list(users)
    assert cluster.remove(names) == [GONE] * 25
    assert there(each_node, names) == (set(), set())
    assert not any(signs_in(each_node, *each) for each in list(users.items())[:3])


def test_the_keys_of_each_are_ended_and_counted(cluster: ElasticsearchCluster, each_node: Node) -> None:
    users = made(cluster, 4)
    first, second, *_ = users
    for name in (first, first, second):
        key_by_hand(each_node, name, users[name])
    receipts = cluster.remove(list(users))
    assert receipts == [replace(GONE, keys_ended=2), replace(GONE, keys_ended=1), GONE, GONE]


def test_what_is_not_there_is_gone_and_what_is_somebody_elses_is_left_alone(
    cluster: ElasticsearchCluster, each_node: Node
) -> None:
    (mine,) = made(cluster, 1)
    theirs, nobody = f"theirs-{secrets.token_hex(4)}", f"es-access-{secrets.token_hex(4)}"
    each_node.client().security.put_user(username=theirs, password="their password", roles=["viewer"], refresh=True)
    other = spec()
    with ThreadPoolExecutor(2) as executor:
        client = connect(ClusterConnection(*_administrator(each_node), url=each_node.url))
        ElasticsearchCluster(client, executor, Installation("elsewhere"), SystemClock()).create(other, password())
        client.close()
    receipts = cluster.remove([mine, theirs, nobody, other.username])
    assert [each.complete for each in receipts] == [True, False, True, False]
    assert [each.foreign for each in receipts] == [False, True, False, True]
    assert there(each_node, [theirs, other.username]) == ({theirs, other.username}, {other.username})


def _administrator(node: Node) -> tuple[str, SecretStr]:
    username, password = node.connector()
    return username, SecretStr(password)


@pytest.mark.parametrize(
    ("path", "method"),
    [("/_security/user/", "DELETE"), ("/_security/role", "DELETE"), ("/_security/api_key", "DELETE")],
)
@pytest.mark.parametrize("verdict", [failure(429), failure(503), CutConnection()], ids=["429", "503", "cut"])
def test_a_call_that_fails_leaves_the_receipts_open_and_the_next_attempt_ends_all(
    cluster: ElasticsearchCluster, each_node: Node, proxy: FaultProxy, path: str, method: str, verdict: Verdict
) -> None:
    users = made(cluster, 3)
    key_by_hand(each_node, *next(iter(users.items())))
    proxy.hook = on(path, verdict, method)
    receipts = cluster.remove(list(users))
    assert not receipts[0].complete
    assert receipts[0].errors
    proxy.hook = None
    assert all(each.complete for each in cluster.remove(list(users)))
    assert there(each_node, list(users)) == (set(), set())


def test_a_cluster_that_cannot_be_asked_gives_no_receipt_and_nothing_is_touched(
    cluster: ElasticsearchCluster, each_node: Node, proxy: FaultProxy
) -> None:
    users = made(cluster, 3)
    proxy.hook = on("/_security/user", failure(503), "GET")
    receipts = cluster.remove(list(users))
    assert not any(each.user_gone or each.role_gone or each.keys_left == 0 for each in receipts)
    proxy.hook = None
    assert there(each_node, list(users)) == (set(users), set(users))
    assert cluster.remove(list(users)) == [GONE] * 3


def test_a_refusal_says_that_waiting_will_not_help(cluster: ElasticsearchCluster, proxy: FaultProxy) -> None:
    (name,) = made(cluster, 1)
    proxy.hook = on("/_security/user/", failure(400))
    (receipt,) = cluster.remove([name])
    assert (receipt.final, receipt.user_gone) == (True, False)
    proxy.hook = None
    assert cluster.remove([name])[0].complete


# --- changes that take effect and are not answered, as while a node of the cluster is frozen ---


@pytest.fixture
def unanswered(proxy: FaultProxy) -> Iterator[list[str]]:
    """Nothing that changes users, roles or keys is answered during the test. Its paths are collected."""
    paths: list[str] = []
    over = threading.Event()

    def hook(request: ProxyRequest, phase: Phase) -> Verdict:
        changes = request.method in {"DELETE", "PUT"} or request.path.endswith("_clear_cache")
        changes = changes and "/oauth2/" not in request.path  # without a licence, tokens are refused at once
        if phase == "after" and changes:
            paths.append(request.path)
            over.wait(30)
        return None

    proxy.hook = hook
    yield paths
    over.set()


@pytest.mark.parametrize("disable", [False, True])
def test_what_took_effect_is_known_by_reading_back_and_has_its_time(
    cluster: ElasticsearchCluster, each_node: Node, request: pytest.FixtureRequest, disable: bool
) -> None:
    ((name, secret),) = made(cluster, 1).items()
    paths: list[str] = request.getfixturevalue("unanswered")
    began = datetime.now(UTC)
    (receipt,) = cluster.remove([name], disable=disable)
    ended = datetime.now(UTC)
    assert receipt.complete
    assert receipt.errors == ("Elasticsearch does not answer: no answer in time",)
    assert receipt.gone_at is not None
    assert receipt.gone_at - began < timedelta(seconds=CHANGE_SECONDS + 2)
    assert ended - receipt.gone_at > timedelta(seconds=1), "the role is deleted later"
    assert not signs_in(each_node, name, secret)
    assert {path for path in paths if path.endswith("_clear_cache")} == {
        "/_security/realm/*/_clear_cache", f"/_security/role/{name}/_clear_cache"
    }  # fmt: skip


def test_a_read_that_hangs_is_asked_again(cluster: ElasticsearchCluster, proxy: FaultProxy) -> None:
    (name,) = made(cluster, 1)
    hung = iter([True])

    def hook(request: ProxyRequest, phase: Phase) -> Verdict:
        if phase == "before" and request.method == "GET" and next(hung, False):
            time.sleep(READ_SECONDS + 0.5)
        return None

    proxy.hook = hook
    assert cluster.remove([name]) == [GONE]


# --- users that are kept for a while ---


@pytest.mark.parametrize("count", [1, 5])
def test_a_disabled_user_cannot_sign_in_and_holds_nothing(
    cluster: ElasticsearchCluster, each_node: Node, count: int
) -> None:
    users = made(cluster, count)
    key_by_hand(each_node, *next(iter(users.items())))
    first, *others = cluster.remove(list(users), disable=True)
    assert first == replace(DISABLED, keys_ended=1)
    assert others == [DISABLED] * (count - 1)
    for name, secret in users.items():
        user: Any = each_node.client().security.get_user(username=name)[name]
        assert (user["enabled"], user["roles"]) == (False, [])
        assert user["metadata"]["es_access"]["grant"] == "REQ-7K3F9Q", "it is still known whose it is"
        assert not signs_in(each_node, name, secret)
        each_node.client().security.enable_user(username=name)
        assert not signs_in(each_node, name, secret), "not even when somebody enables it: the password is another"
    assert cluster.remove(list(users)) == [GONE] * count


def test_a_user_that_is_not_there_is_not_made_in_order_to_disable_it(
    cluster: ElasticsearchCluster, each_node: Node
) -> None:
    name = f"es-access-{secrets.token_hex(4)}"
    assert cluster.remove([name], disable=True) == [GONE]
    assert there(each_node, [name]) == (set(), set())


# --- changing what lives ---


def test_an_extension_writes_the_new_end_and_changes_nothing_else(
    cluster: ElasticsearchCluster, each_node: Node
) -> None:
    each, secret = spec(), password()
    cluster.create(each, secret)
    later = replace(each, expires_at=each.expires_at + timedelta(hours=1))
    cluster.extend(later)
    user: Any = each_node.client().security.get_user(username=each.username)[each.username]
    assert user["metadata"]["es_access"]["expires_at"] == later.expires_at.isoformat()
    assert signs_in(each_node, each.username, secret)
    assert cluster.remove([each.username]) == [GONE]


def test_a_fresh_password_stops_the_old_one(cluster: ElasticsearchCluster, each_node: Node) -> None:
    each, first, second = spec(), password(), password()
    cluster.create(each, first)
    cluster.renew(each, second)
    assert (signs_in(each_node, each.username, first), signs_in(each_node, each.username, second)) == (False, True)
    assert cluster.remove([each.username]) == [GONE]


@pytest.mark.parametrize("by_hand", ["deleted", "disabled", "made by somebody else"])
def test_a_user_that_was_removed_by_hand_is_neither_extended_nor_renewed(
    cluster: ElasticsearchCluster, each_node: Node, by_hand: str
) -> None:
    each = spec()
    cluster.create(each, password())
    security = each_node.client().security
    if by_hand == "disabled":
        security.disable_user(username=each.username)
    else:
        security.delete_user(username=each.username)
    if by_hand == "made by somebody else":
        security.put_user(username=each.username, password="their password", roles=[])
    with pytest.raises(Gone):
        cluster.extend(each)
    with pytest.raises(Gone):
        cluster.renew(each, password())
    assert cluster.exists(each.username, None) is False


# --- API keys ---


@pytest.mark.usefixtures("index")
def test_a_key_reads_what_was_granted_and_its_user_and_role_are_gone(
    cluster: ElasticsearchCluster, each_node: Node
) -> None:
    each = spec()
    key = cluster.grant_key(each, password())
    assert searches(each_node, key) == 200
    assert there(each_node, [each.username]) == (set(), set())
    assert cluster.exists(each.username, key.key_id)
    (found,) = each_node.client().security.get_api_key(id=key.key_id)["api_keys"]
    assert found["metadata"]["es_access"]["installation"] == "here"
    assert abs(found["expiration"] / 1000 - each.expires_at.timestamp()) < 2
    assert cluster.remove([each.username]) == [replace(GONE, keys_ended=1)]
    assert searches(each_node, key) == 401
    assert not cluster.exists(each.username, key.key_id)


@pytest.mark.usefixtures("index")
def test_the_server_itself_ends_a_key(cluster: ElasticsearchCluster, each_node: Node) -> None:
    until = datetime.now(UTC) + timedelta(seconds=3)
    key = cluster.grant_key(spec(until), password())
    assert searches(each_node, key) == 200
    while datetime.now(UTC) < until + timedelta(milliseconds=500):
        pass
    assert searches(each_node, key) == 401


@pytest.mark.usefixtures("index")
def test_other_keys_of_that_name_end_and_the_newest_stays(cluster: ElasticsearchCluster, each_node: Node) -> None:
    each = spec()
    first, second = cluster.grant_key(each, password()), cluster.grant_key(each, password())
    assert [searches(each_node, first), searches(each_node, second)] == [200, 200]
    cluster.end_other_keys(each.username, keep=second.key_id or "")
    assert [searches(each_node, first), searches(each_node, second)] == [401, 200]
    third = cluster.grant_key(each, password(), alone=True)
    assert [searches(each_node, second), searches(each_node, third)] == [401, 200]
    assert cluster.remove([each.username])[0].complete


@pytest.mark.usefixtures("index")
@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/_security/user/"), ("GET", "/_security/role/"), ("PUT", "/_security/role/"),
        ("PUT", "/_security/user/"), ("POST", "/_security/api_key/grant"), ("DELETE", "/_security/user/"),
        ("DELETE", "/_security/role/"), ("DELETE", "/_security/api_key"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("phase", ["before", "after"])
def test_a_key_whose_making_breaks_at_any_call_leaves_nothing_behind(
    cluster: ElasticsearchCluster, each_node: Node, proxy: FaultProxy, method: str, path: str, phase: Phase
) -> None:
    each = spec()

    def hook(request: ProxyRequest, now: Phase) -> Verdict:
        return CutConnection() if (request.method, now) == (method, phase) and request.path.startswith(path) else None

    proxy.hook = hook
    with pytest.raises(Outage):
        cluster.grant_key(each, password(), alone=True)
    proxy.hook = None
    key = cluster.grant_key(each, password(), alone=True)
    live = each_node.client().security.get_api_key(username=each.username, active_only=True)["api_keys"]
    assert [one["id"] for one in live] == [key.key_id], "of what was lost on the way nothing lives on"
    assert there(each_node, [each.username]) == (set(), set())
    assert cluster.remove([each.username])[0].complete
    assert searches(each_node, key) == 401
