"""The adapter to Elasticsearch on a real node of each version: creation, removal and failures."""

import secrets
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from elasticsearch import Elasticsearch
from pydantic import SecretStr

from bot.access.clock import SystemClock
from bot.access.errors import Outage, Refusal
from bot.access.models.receipts import Receipt
from bot.access.ports import CredentialSpec, Privileges
from bot.cluster.catalogue.reader import CatalogueReader
from bot.cluster.client import ClusterConnection, connect
from bot.cluster.cluster import ElasticsearchCluster
from bot.cluster.connector.privileges import read_privileges
from bot.cluster.ownership import Installation
from bot.sandbox.fault_proxy import (
    PRODUCT,
    CutConnection,
    FaultProxy,
    HalfAnswer,
    Phase,
    ProxyAnswer,
    ProxyRequest,
    Verdict,
    failure,
)
from bot.sandbox.node import Node

GRANTED, OTHER = "granted-logs", "other-logs"

GONE = Receipt(user_gone=True, role_gone=True, keys_left=0)

JSON = ("Content-Type", "application/json")

NOT_THERE: dict[str, Verdict] = {
    "the connection is closed": CutConnection(),
    "half an answer": HalfAnswer(),
    "429": failure(429),
    "500": failure(500),
    "503": failure(503),
    "401": ProxyAnswer(401, b'{"error": {"type": "security_exception", "reason": "x"}}', (JSON, PRODUCT)),
    "a page": ProxyAnswer(200, b"<html>Please sign in</html>", (("Content-Type", "text/html"),)),
    "nothing in it": ProxyAnswer(200),
    "no JSON": ProxyAnswer(200, b'{"a":', (JSON, PRODUCT)),
    "404 of a load balancer": ProxyAnswer(404, b"default backend - 404", (("Content-Type", "text/plain"),)),
    "404 of a hosting provider": ProxyAnswer(404, b'{"ok": false, "message": "Unknown resource."}', (JSON,)),
    "403 of a firewall": ProxyAnswer(403, b"blocked", (("Content-Type", "text/plain"),)),
}
"""Answers that are not Elasticsearch's own about our request: worth a retry."""


def removed(cluster: ElasticsearchCluster, username: str) -> Receipt:
    """Removes that user and returns the receipt."""
    (receipt,) = cluster.remove([username])
    return receipt


@pytest.fixture
def spec(each_node: Node) -> Iterator[CredentialSpec]:
    name = f"es-access-{secrets.token_hex(4)}"
    for index in (GRANTED, OTHER):
        if not each_node.client().indices.exists(index=index):
            each_node.create_index(index, docs=[{"message": "a line"}])
    yield CredentialSpec(
        grant_id="REQ-7K3F9Q",
        username=name,
        requester="U0ALICE",
        patterns=("granted-*",),
        privileges=Privileges(indices=("read", "view_index_metadata")),
        expires_at=datetime(2030, 1, 1, tzinfo=UTC),
    )
    security = each_node.client().options(ignore_status=404).security
    security.delete_user(username=name, refresh=False)
    security.delete_role(name=name, refresh=False)


@pytest.fixture
def password() -> SecretStr:
    return SecretStr(secrets.token_urlsafe(24))


def status(node: Node, username: str, password: SecretStr, index: str) -> int:
    """Of a search as that user."""
    client = node.client_of(username, password.get_secret_value())
    try:
        return int(client.options(ignore_status=[401, 403]).search(index=index).meta.status)
    finally:
        client.close()


def key_of(node: Node, username: str, password: SecretStr) -> Callable[[], int]:
    """An API key that an administrator makes for the user; asks for the status of a call with it."""
    granted = node.client().security.grant_api_key(
        grant_type="password", username=username, password=password.get_secret_value(),
        api_key={"name": "by an admin"}, refresh=True,
    )  # fmt: skip

    def ask() -> int:
        with Elasticsearch(node.url, api_key=granted["encoded"]) as client:
            return int(client.options(ignore_status=401).security.authenticate().meta.status)

    return ask


def on(method: str, kind: str, verdict: Verdict, phase: Phase = "before") -> Callable[[ProxyRequest, Phase], Verdict]:
    """A hook for requests of that method on users, roles or keys (`kind`); all others pass."""

    def hook(request: ProxyRequest, now: Phase) -> Verdict:
        fits = (request.method, now) == (method, phase) and request.path.startswith(f"/_security/{kind}")
        return verdict if fits else None

    return hook


def made(node: Node, name: str) -> tuple[Any, Any]:
    """The user and the role of that name, as an administrator sees them; `None` for a missing one."""
    security = node.client().options(ignore_status=404).security
    return security.get_user(username=name).body.get(name), security.get_role(name=name).body.get(name)


# --- making and removing -------------------------------------------------------------------------------------------


def test_what_is_made_may_read_the_pattern_and_nothing_else(
    cluster: ElasticsearchCluster, each_node: Node, spec: CredentialSpec, password: SecretStr
) -> None:
    cluster.create(spec, password)
    assert status(each_node, spec.username, password, GRANTED) == 200
    assert status(each_node, spec.username, password, OTHER) == 403
    assert status(each_node, spec.username, password, ".security-7") == 403


def test_what_is_made_says_whose_it_is_and_until_when(
    cluster: ElasticsearchCluster, each_node: Node, spec: CredentialSpec, password: SecretStr
) -> None:
    cluster.create(spec, password)
    said = {
        "grant": "REQ-7K3F9Q",
        "requester": "U0ALICE",
        "expires_at": "2030-01-01T00:00:00+00:00",
        "installation": "here",
    }
    user, role = made(each_node, spec.username)
    assert user["metadata"] == {"es_access": said}
    assert role["metadata"] == {"es_access": said}
    assert role["cluster"] == []
    assert user["roles"] == [spec.username]


@pytest.mark.parametrize("again", [ElasticsearchCluster.create, ElasticsearchCluster.renew], ids=["make", "renew"])
def test_making_it_again_sets_a_new_password_and_ends_the_old_one(
    cluster: ElasticsearchCluster,
    each_node: Node,
    spec: CredentialSpec,
    password: SecretStr,
    again: Callable[[ElasticsearchCluster, CredentialSpec, SecretStr], None],
) -> None:
    cluster.create(spec, SecretStr("the first password"))
    again(cluster, spec, password)
    assert status(each_node, spec.username, password, GRANTED) == 200
    assert status(each_node, spec.username, SecretStr("the first password"), GRANTED) == 401


def test_a_cluster_that_takes_no_hash_is_sent_the_password_from_then_on(
    cluster: ElasticsearchCluster, each_node: Node, proxy: FaultProxy, spec: CredentialSpec, password: SecretStr
) -> None:
    """Behaves like a cluster in FIPS 140 mode, which no node here can be in: the proxy refuses instead."""
    puts = []
    refused = ProxyAnswer(400, b'{"error": {"type": "validation_exception"}, "status": 400}', (JSON, PRODUCT))

    def hook(request: ProxyRequest, phase: Phase) -> Verdict:
        if phase == "after" or request.method != "PUT" or not request.path.startswith("/_security/user"):
            return None
        puts.append(request.path)
        return refused if len(puts) == 1 else None

    proxy.hook = hook
    cluster.create(spec, SecretStr("the first password"))
    assert len(puts) == 2
    assert status(each_node, spec.username, SecretStr("the first password"), GRANTED) == 200
    cluster.create(spec, password)
    assert len(puts) == 3
    cluster.renew(spec, SecretStr("the third password"))
    assert len(puts) == 5  # its metadata, and the password
    assert status(each_node, spec.username, SecretStr("the third password"), GRANTED) == 200


def test_the_cluster_is_sent_no_password_of_a_user(
    cluster: ElasticsearchCluster,
    connector: Elasticsearch,
    spec: CredentialSpec,
    password: SecretStr,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    sent: list[str] = []
    real = connector.transport.perform_request

    def perform(method: str, target: str, **rest: Any) -> Any:
        sent.append(f"{method} {target} {rest.get('body')}")
        return real(method, target, **rest)

    monkeypatch.setattr(connector.transport, "perform_request", perform)
    cluster.create(spec, password)
    cluster.renew(spec, password)
    cluster.remove([spec.username], disable=True)
    said = [each for each in sent if "password" in each]
    assert len(said) == 3, "made, renewed, disabled"
    assert all("password_hash" in each and "'password'" not in each for each in said), said
    assert not any(password.get_secret_value() in each for each in sent)


def test_removing_it_ends_the_password_and_leaves_nothing(
    cluster: ElasticsearchCluster, each_node: Node, spec: CredentialSpec, password: SecretStr
) -> None:
    cluster.create(spec, password)
    assert status(each_node, spec.username, password, GRANTED) == 200
    assert removed(cluster, spec.username) == GONE
    assert status(each_node, spec.username, password, GRANTED) == 401
    assert made(each_node, spec.username) == (None, None)


def test_keys_that_an_administrator_made_for_the_user_end_with_it(
    cluster: ElasticsearchCluster, each_node: Node, spec: CredentialSpec, password: SecretStr
) -> None:
    cluster.create(spec, password)
    asks = [key_of(each_node, spec.username, password) for _ in range(2)]
    assert [ask() for ask in asks] == [200, 200]
    assert removed(cluster, spec.username) == replace(GONE, keys_ended=2)
    assert [ask() for ask in asks] == [401, 401]


def test_removing_what_is_not_there_is_a_success(cluster: ElasticsearchCluster, spec: CredentialSpec) -> None:
    assert removed(cluster, spec.username) == GONE


@pytest.mark.parametrize("left", ["user", "role"])
def test_a_half_that_was_left_is_removed(
    cluster: ElasticsearchCluster, each_node: Node, spec: CredentialSpec, password: SecretStr, left: str
) -> None:
    cluster.create(spec, password)
    if left == "user":
        each_node.client().security.delete_role(name=spec.username)
    else:
        each_node.client().security.delete_user(username=spec.username)
    assert removed(cluster, spec.username) == GONE
    assert made(each_node, spec.username) == (None, None)


@pytest.mark.parametrize("changed", ["user", "role"])
def test_a_change_by_an_administrator_keeps_nothing_alive(
    cluster: ElasticsearchCluster, each_node: Node, spec: CredentialSpec, password: SecretStr, changed: str
) -> None:
    cluster.create(spec, password)
    security = each_node.client().security
    if changed == "user":
        security.put_user(username=spec.username, roles=[spec.username])
    else:
        security.put_role(name=spec.username, indices=[{"names": ["*"], "privileges": ["all"]}])
    assert removed(cluster, spec.username) == GONE
    assert status(each_node, spec.username, password, GRANTED) == 401


# --- a name that somebody else has ---------------------------------------------------------------------------------


def test_a_user_of_somebody_else_is_neither_overwritten_nor_deleted(
    cluster: ElasticsearchCluster, each_node: Node, spec: CredentialSpec, password: SecretStr
) -> None:
    theirs = SecretStr("their own password")
    each_node.client().security.put_user(username=spec.username, password=theirs.get_secret_value(), roles=["viewer"])
    with pytest.raises(Refusal, match="is taken by a user or role that es-access did not make"):
        cluster.create(spec, password)
    receipt = removed(cluster, spec.username)
    assert receipt.foreign
    assert not receipt.complete
    assert receipt.errors == (f"{spec.username} does not say that es-access made it, so it was left alone",)
    user, role = made(each_node, spec.username)
    assert user["roles"] == ["viewer"]
    assert role is None
    assert status(each_node, spec.username, theirs, "*") == 200


def test_a_role_of_somebody_else_is_neither_overwritten_nor_deleted(
    cluster: ElasticsearchCluster, each_node: Node, spec: CredentialSpec, password: SecretStr
) -> None:
    each_node.client().security.put_role(name=spec.username, cluster=["monitor"])
    with pytest.raises(Refusal, match="is taken"):
        cluster.create(spec, password)
    removed(cluster, spec.username)
    user, role = made(each_node, spec.username)
    assert user is None
    assert role["cluster"] == ["monitor"]


@pytest.mark.parametrize("kind", ["user", "role"])
@pytest.mark.parametrize("verdict", [failure(503), NOT_THERE["404 of a load balancer"]], ids=["503", "404"])
def test_nothing_is_made_or_deleted_before_it_is_known_whose_the_name_is(
    cluster: ElasticsearchCluster, each_node: Node, proxy: FaultProxy, spec: CredentialSpec, password: SecretStr,
    kind: str, verdict: ProxyAnswer,
) -> None:  # fmt: skip
    security = each_node.client().security
    if kind == "user":
        security.put_user(username=spec.username, password="their own password", roles=["viewer"])
    else:
        security.put_role(name=spec.username, cluster=["monitor"])
    before = made(each_node, spec.username)
    proxy.hook = on("GET", kind, verdict)
    with pytest.raises(Outage):
        cluster.create(spec, password)
    assert not removed(cluster, spec.username).complete
    assert made(each_node, spec.username) == before


# --- when the cluster does not answer well -------------------------------------------------------------------------


@pytest.mark.parametrize("verdict", NOT_THERE.values(), ids=NOT_THERE.keys())
@pytest.mark.parametrize(("method", "kind"), [("GET", "user"), ("PUT", "user")])
def test_no_word_of_elasticsearch_is_an_outage_and_holds_no_secret(
    cluster: ElasticsearchCluster, proxy: FaultProxy, spec: CredentialSpec, password: SecretStr,
    method: str, kind: str, verdict: Verdict,
) -> None:  # fmt: skip
    proxy.hook = on(method, kind, verdict)
    with pytest.raises(Outage) as caught:
        cluster.create(spec, password)
    assert_no_secret(caught.value, password)


@pytest.mark.parametrize("verdict", [CutConnection(), HalfAnswer()], ids=["cut", "half"])
@pytest.mark.parametrize("kind", ["role", "user"])
def test_an_answer_that_is_lost_is_an_outage_and_the_same_again_is_a_success(
    cluster: ElasticsearchCluster, each_node: Node, proxy: FaultProxy, spec: CredentialSpec, password: SecretStr,
    kind: str, verdict: Verdict,
) -> None:  # fmt: skip
    proxy.hook = on("PUT", kind, verdict, "after")
    with pytest.raises(Outage):
        cluster.create(spec, SecretStr("the first password"))
    proxy.hook = None
    cluster.create(spec, password)
    assert status(each_node, spec.username, password, GRANTED) == 200
    assert status(each_node, spec.username, SecretStr("the first password"), GRANTED) == 401


def test_when_one_half_fails_the_other_is_not_still_under_way(
    cluster: ElasticsearchCluster, proxy: FaultProxy, spec: CredentialSpec, password: SecretStr
) -> None:
    proxy.hook = on("PUT", "user", failure(500))
    with pytest.raises(Outage):
        cluster.create(spec, password)
    assert ProxyRequest("PUT", f"/_security/role/{spec.username}") in proxy.log
    seen = len(proxy.log)
    proxy.hook = None
    assert removed(cluster, spec.username) == GONE
    assert all(each.method != "PUT" for each in proxy.log[seen:])


@pytest.mark.parametrize("kind", ["role", "user"])
def test_a_request_that_elasticsearch_understood_and_refused_is_a_refusal(
    cluster: ElasticsearchCluster, proxy: FaultProxy, spec: CredentialSpec, password: SecretStr, kind: str
) -> None:
    body = b'{"error": {"type": "validation_exception", "reason": "because"}, "status": 400}'
    proxy.hook = on("PUT", kind, ProxyAnswer(400, body, (JSON, PRODUCT)))
    with pytest.raises(Refusal, match="Elasticsearch answered 400 validation_exception") as caught:
        cluster.create(spec, password)
    assert_no_secret(caught.value, password)


def test_a_missing_privilege_is_a_refusal_that_names_no_secret(
    each_node: Node, executor: ThreadPoolExecutor, spec: CredentialSpec, password: SecretStr
) -> None:
    each_node.client().security.put_user(username=spec.username, password="of no use to anybody", roles=[])
    with (
        each_node.client_of(spec.username, "of no use to anybody") as weak,
        pytest.raises(Refusal, match="403 security_exception") as caught,
    ):
        ElasticsearchCluster(weak, executor, Installation("here"), SystemClock()).create(spec, password)
    assert_no_secret(caught.value, password)


def test_the_time_that_elasticsearch_asks_for_is_kept(
    cluster: ElasticsearchCluster, proxy: FaultProxy, spec: CredentialSpec, password: SecretStr
) -> None:
    proxy.hook = lambda _request, _phase: failure(429, retry_after=7)
    with pytest.raises(Outage) as caught:
        cluster.create(spec, password)
    assert caught.value.retry_after == 7


def test_a_page_that_repeats_what_it_was_sent_is_not_repeated(
    cluster: ElasticsearchCluster, proxy: FaultProxy, spec: CredentialSpec, password: SecretStr
) -> None:
    echo = ProxyAnswer(400, f'{{"error": "bad body: {password.get_secret_value()}"}}'.encode(), (JSON, PRODUCT))
    proxy.hook = on("PUT", "user", echo)
    with pytest.raises(Refusal) as caught:
        cluster.create(spec, password)
    assert_no_secret(caught.value, password)


@pytest.mark.parametrize("verdict", NOT_THERE.values(), ids=NOT_THERE.keys())
def test_nothing_is_removed_while_it_cannot_be_read_whose_it_is(
    cluster: ElasticsearchCluster, each_node: Node, proxy: FaultProxy, spec: CredentialSpec, password: SecretStr,
    verdict: Verdict,
) -> None:  # fmt: skip
    cluster.create(spec, password)
    proxy.hook = on("GET", "user", verdict)
    receipt = removed(cluster, spec.username)
    assert not receipt.complete
    assert receipt.errors
    assert status(each_node, spec.username, password, GRANTED) == 200
    proxy.hook = None
    assert removed(cluster, spec.username) == GONE


@pytest.mark.parametrize("name", ["503", "a page", "404 of a load balancer", "the connection is closed"])
@pytest.mark.parametrize("kind", ["user", "role"])
def test_one_part_that_cannot_be_deleted_keeps_the_receipt_open_and_the_other_part_goes(
    cluster: ElasticsearchCluster, each_node: Node, proxy: FaultProxy, spec: CredentialSpec, password: SecretStr,
    kind: str, name: str,
) -> None:  # fmt: skip
    cluster.create(spec, password)
    proxy.hook = on("DELETE", kind, NOT_THERE[name])
    receipt = removed(cluster, spec.username)
    assert (receipt.user_gone, receipt.role_gone, receipt.keys_left) == (kind != "user", kind != "role", 0)
    assert receipt.errors
    user, role = made(each_node, spec.username)
    assert (user is None, role is None) == (kind != "user", kind != "role")
    proxy.hook = None
    assert removed(cluster, spec.username) == GONE


def test_a_key_that_could_not_be_ended_is_counted_and_ends_at_the_next_attempt(
    cluster: ElasticsearchCluster, each_node: Node, proxy: FaultProxy, spec: CredentialSpec, password: SecretStr
) -> None:
    cluster.create(spec, password)
    ask = key_of(each_node, spec.username, password)
    proxy.hook = on("DELETE", "api_key", NOT_THERE["404 of a load balancer"])
    receipt = removed(cluster, spec.username)
    assert (receipt.user_gone, receipt.role_gone, receipt.keys_left) == (True, True, 1)
    assert ask() == 200, "a key outlives its owner"
    proxy.hook = None
    assert removed(cluster, spec.username) == replace(GONE, keys_ended=1)
    assert ask() == 401


def test_keys_that_cannot_be_counted_keep_the_receipt_open(
    cluster: ElasticsearchCluster, proxy: FaultProxy, spec: CredentialSpec, password: SecretStr
) -> None:
    cluster.create(spec, password)
    proxy.hook = on("GET", "api_key", failure(503))
    receipt = removed(cluster, spec.username)
    assert receipt.keys_left is None
    assert not receipt.complete


@pytest.mark.parametrize("kind", ["user", "role"])
def test_an_answer_lost_after_deleting_costs_nothing(
    cluster: ElasticsearchCluster,
    each_node: Node,
    proxy: FaultProxy,
    spec: CredentialSpec,
    password: SecretStr,
    kind: str,
) -> None:
    cluster.create(spec, password)
    proxy.hook = on("DELETE", kind, CutConnection(), "after")
    assert removed(cluster, spec.username).complete
    assert made(each_node, spec.username) == (None, None)


def test_a_node_that_is_not_there_is_an_outage(
    each_node: Node, executor: ThreadPoolExecutor, spec: CredentialSpec, password: SecretStr
) -> None:
    with FaultProxy(each_node.url) as gone:
        url = gone.url
    client = connect(ClusterConnection(username="x", password=password, url=url))
    cluster = ElasticsearchCluster(client, executor, Installation("here"), SystemClock())
    with pytest.raises(Outage, match="Elasticsearch does not answer: connection refused"):
        cluster.create(spec, password)
    with pytest.raises(Outage):
        cluster.catalogue()
    with pytest.raises(Outage):
        cluster.ping()
    assert removed(cluster, spec.username) == Receipt(
        user_gone=False, role_gone=False, keys_left=None, errors=("Elasticsearch does not answer: connection refused",)
    )
    client.close()


# --- the catalogue, and the privileges of the connector ------------------------------------------------------------


def test_the_names_are_those_of_indices_and_aliases(
    connector: Elasticsearch, each_node: Node, spec: CredentialSpec
) -> None:
    alias = f"{spec.username}-alias"
    each_node.client().indices.put_alias(index=GRANTED, name=alias)
    with closing(CatalogueReader(connector)) as catalog:
        names = [each.name for each in catalog.get().resources]
    assert {GRANTED, OTHER, alias} <= set(names)
    assert list(names) == sorted(names)


def test_what_exists_is_read_once_for_a_rush(
    cluster: ElasticsearchCluster, proxy: FaultProxy, executor: ThreadPoolExecutor
) -> None:
    answers = [each.result() for each in [executor.submit(cluster.catalogue) for _ in range(20)]]
    assert len({each.resources for each in answers}) == 1
    assert len([each for each in proxy.log if each.path.startswith("/_cluster/state")]) == 1


def test_names_that_cannot_be_read_are_an_outage_and_are_asked_for_again(
    cluster: ElasticsearchCluster, proxy: FaultProxy, spec: CredentialSpec
) -> None:
    assert spec.patterns == ("granted-*",)
    proxy.hook = lambda _request, _phase: failure(503)
    with pytest.raises(Outage):
        cluster.catalogue()
    proxy.hook = None
    assert GRANTED in [each.name for each in cluster.catalogue().resources]


def test_the_connector_has_what_it_needs_and_no_more(connector: Elasticsearch, each_node: Node) -> None:
    privileges = read_privileges(connector)
    assert privileges.username == each_node.connector().username
    assert privileges.missing == ()
    assert not privileges.too_much


def test_what_an_account_lacks_is_named(each_node: Node, spec: CredentialSpec) -> None:
    security = each_node.client().security
    security.put_role(name=spec.username, cluster=["monitor"])
    security.put_user(username=spec.username, password="of no use to anybody", roles=[spec.username])
    with each_node.client_of(spec.username, "of no use to anybody") as weak:
        assert read_privileges(weak).missing == ("cluster: manage_security", "index *: monitor")


def test_a_superuser_is_more_than_is_needed(each_node: Node) -> None:
    assert read_privileges(each_node.client()).too_much


def assert_no_secret(error: BaseException, secret: SecretStr) -> None:
    """Checks that neither the error nor its causes, as logged, contain the secret."""
    value = secret.get_secret_value()
    assert value not in f"{error!s}{error!r}{error.args}"
    # `raise … from None` hides the client's error from tracebacks, and that error holds whole answers.
    assert error.__suppress_context__ or error.__context__ is None
