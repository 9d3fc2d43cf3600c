"""A new credential is tried before anybody is shown it: what does not work here, and what only looks like that."""

import json
import logging
import secrets
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from elasticsearch import Elasticsearch
from pydantic import SecretStr

from bot.access.clock import SystemClock
from bot.access.errors import Fault, Outage, Unanswered, Unusable
from bot.access.ids import CHECK_PREFIX
from bot.access.ports import CredentialSpec, Privileges
from bot.cluster.client import ClusterConnection, connect
from bot.cluster.cluster import ElasticsearchCluster
from bot.cluster.ownership import Installation
from bot.cluster.trial import CHECK_LASTS, try_own_user
from bot.sandbox.fault_proxy import (
    PRODUCT,
    CutConnection,
    FaultProxy,
    Phase,
    ProxyAnswer,
    ProxyRequest,
    Verdict,
    failure,
)
from bot.sandbox.node import Node
from tests.integration.given_access import READ, spec_of
from tests.nodes import make_visible, versions

TRIAL = "/_security/user/_has_privileges"
JSON = ("Content-Type", "application/json")
NATIVE_OFF = {
    "xpack.security.authc.realms.file.file1.order": 0,
    "xpack.security.authc.realms.native.native1.order": 1,
    "xpack.security.authc.realms.native.native1.enabled": False,
}

UNAUTHENTICATED = ProxyAnswer(401, b'{"error": {"type": "security_exception", "reason": "x"}, "status": 401}', (JSON,))
OF_A_PROXY = ProxyAnswer(401, b"<html>sign in</html>", (("Content-Type", "text/html"),))
WAYS: list[Callable[[ElasticsearchCluster, CredentialSpec], object]] = [
    lambda cluster, spec: cluster.create(spec, password()),
    lambda cluster, spec: cluster.grant_key(spec, password()),
]
EACH_KIND = pytest.mark.parametrize("make", WAYS, ids=["password", "key"])


def password() -> SecretStr:
    return SecretStr(secrets.token_urlsafe(24))


@pytest.fixture
def spec(each_node: Node) -> Iterator[CredentialSpec]:
    held = Privileges(READ, kibana=("feature_discover_v2.read",), spaces=("default",))
    made = replace(spec_of(["logs-*"]), privileges=held)
    yield made
    security = each_node.client().options(ignore_status=404).security
    security.delete_user(username=made.username)
    security.delete_role(name=made.username)


def asked(proxy: FaultProxy) -> int:
    return sum(1 for each in proxy.log if each.path == TRIAL)


def answering(proxy: FaultProxy, *answers: Verdict) -> None:
    """The proxy's answers to the first trials; the last one is repeated."""
    left = list(answers)

    def hook(request: ProxyRequest, phase: Phase) -> Verdict:
        if request.path != TRIAL or phase == "after":
            return None
        return left.pop(0) if len(left) > 1 else left[0]

    proxy.hook = hook


def of(username: str, **more: object) -> ProxyAnswer:
    body = {"username": username, "has_all_requested": True, "cluster": {}, "index": {}, "application": {}, **more}
    return ProxyAnswer(200, json.dumps(body).encode(), (JSON, PRODUCT))


# --- what works ---


@EACH_KIND
def test_a_credential_is_tried_with_one_call(
    cluster: ElasticsearchCluster,
    proxy: FaultProxy,
    spec: CredentialSpec,
    make: Callable[[ElasticsearchCluster, CredentialSpec], object],
) -> None:
    make(cluster, spec)
    assert asked(proxy) == 1


def test_a_new_password_is_tried_too(cluster: ElasticsearchCluster, proxy: FaultProxy, spec: CredentialSpec) -> None:
    cluster.create(spec, password())
    cluster.renew(spec, password())
    assert asked(proxy) == 2


@pytest.mark.parametrize(
    ("patterns", "privileges"),
    [
        (tuple(f"*service-{number}-production*" for number in range(8)), Privileges(("read",))),
        (tuple(f"logs-service-{number}-*" for number in range(20)), Privileges(("read", "write", "manage"))),
        (("*",), Privileges(("all",), cluster=("monitor", "manage_ilm"), run_as=("x",), restricted_indices=True)),
        (("*.log", "a"), Privileges(("read",))),
    ],
    ids=["stars", "twenty", "everything", "dots"],
)
def test_what_a_role_gives_is_what_is_asked_for(
    cluster: ElasticsearchCluster, spec: CredentialSpec, patterns: tuple[str, ...], privileges: Privileges
) -> None:
    cluster.create(replace(spec, patterns=patterns, privileges=privileges), password())


def test_without_aliases_that_are_withheld_the_role_gives_what_it_says(
    cluster: ElasticsearchCluster, spec: CredentialSpec
) -> None:
    cluster.create(replace(spec, withheld=("logs-hidden", "logs-other")), password())


def test_no_secret_is_in_the_log(
    cluster: ElasticsearchCluster, spec: CredentialSpec, caplog: pytest.LogCaptureFixture
) -> None:
    secret = password()
    with caplog.at_level(logging.DEBUG):
        cluster.create(spec, secret)
        key = cluster.grant_key(spec, password())
    held = "\n".join(each.getMessage() for each in caplog.records if "_has_privileges" in each.getMessage())
    assert held
    for each in (secret, key.secret):
        assert each.get_secret_value() not in held


@pytest.mark.parametrize("late", [UNAUTHENTICATED, of("", has_all_requested=False)], ids=["user", "role"])
def test_a_node_that_knows_it_a_moment_later_is_asked_again(
    cluster: ElasticsearchCluster, proxy: FaultProxy, spec: CredentialSpec, late: ProxyAnswer
) -> None:
    if late.status == 200:
        late = of(spec.username, has_all_requested=False, index={"logs-*": {"read": False}})
    answering(proxy, late, late, None)
    cluster.create(spec, password())
    assert asked(proxy) == 3


# --- what does not work ---


@pytest.fixture(params=versions())
def without_native_realm(
    request: pytest.FixtureRequest, executor: ThreadPoolExecutor
) -> Iterator[ElasticsearchCluster]:
    with Node.start(request.param, settings=NATIVE_OFF) as node:
        # Its security index exists from the first write on, which may take a busy machine a while.
        node.client().options(request_timeout=120).security.put_role(name="first", cluster=["monitor"])
        admin = ClusterConnection(node.admin.username, SecretStr(node.admin.password), url=node.url)
        with closing(connect(admin)) as client:
            yield ElasticsearchCluster(client, executor, Installation("here"), SystemClock())


def test_with_the_native_realm_off_no_password_works(without_native_realm: ElasticsearchCluster) -> None:
    wanted = spec_of(["logs-*"])
    with pytest.raises(Unusable, match="Elasticsearch answered 401 security_exception") as caught:
        without_native_realm.create(wanted, password())
    assert caught.value.fault is Fault.NOT_ACCEPTED
    (receipt,) = without_native_realm.remove([wanted.username])
    assert receipt.complete


def test_a_role_that_cannot_be_evaluated_is_tried_once(
    connector: Elasticsearch, executor: ThreadPoolExecutor, proxy: FaultProxy, spec: CredentialSpec,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    patient = connector.options(request_timeout=60)  # it takes the node three seconds, on a busy machine more
    cluster = ElasticsearchCluster(patient, executor, Installation("here"), SystemClock())
    patterns = tuple(f"/([^.].*)?checkout-{number}-prod.*/" for number in range(14))
    # No role that is written now is like this.
    monkeypatch.setattr("bot.cluster.roles.role_names", lambda names, *_, **__: list(names))
    with pytest.raises(Unusable, match="500 security_exception") as caught:
        cluster.create(replace(spec, patterns=patterns), password())
    assert caught.value.fault is Fault.NOT_EVALUATED
    assert asked(proxy) == 1, "each try burns seconds of the node"


@EACH_KIND
@pytest.mark.parametrize("answer", [UNAUTHENTICATED, OF_A_PROXY, of("somebody")], ids=["stripped", "page", "replaced"])
def test_a_proxy_that_takes_the_credential_away_is_found(
    cluster: ElasticsearchCluster,
    proxy: FaultProxy,
    each_node: Node,
    spec: CredentialSpec,
    make: Callable[[ElasticsearchCluster, CredentialSpec], object],
    answer: ProxyAnswer,
) -> None:
    answering(proxy, answer)
    with pytest.raises(Unusable) as caught:
        make(cluster, spec)
    assert caught.value.fault is Fault.NOT_ACCEPTED
    proxy.hook = None
    (receipt,) = cluster.remove([spec.username])
    assert receipt.complete
    make_visible(each_node)
    assert not each_node.client().security.get_api_key(username=spec.username, active_only=True)["api_keys"]


def test_what_is_missing_is_named(cluster: ElasticsearchCluster, proxy: FaultProxy, spec: CredentialSpec) -> None:
    less = of(
        spec.username, has_all_requested=False, cluster={"monitor": False},
        index={"logs-*": {"read": False, "view_index_metadata": True}},
    )  # fmt: skip
    answering(proxy, less)
    expected = r"does not give monitor, read on logs-\*$"
    with pytest.raises(Unusable, match=expected) as caught:
        cluster.create(spec, password())
    assert caught.value.fault is Fault.GIVES_LESS


# --- what only looks like that ---


@EACH_KIND
@pytest.mark.parametrize("away", [CutConnection(), failure(503), failure(429), failure(500)])
def test_a_cluster_that_is_away_at_the_trial_is_an_outage(
    cluster: ElasticsearchCluster,
    proxy: FaultProxy,
    spec: CredentialSpec,
    make: Callable[[ElasticsearchCluster, CredentialSpec], object],
    away: Verdict,
) -> None:
    answering(proxy, away)
    with pytest.raises(Outage) as caught:
        make(cluster, spec)
    assert not isinstance(caught.value, Unanswered), "every call that sets a secret was answered"


def test_a_cluster_that_cannot_read_its_users_accepts_nobody_and_is_an_outage(
    cluster: ElasticsearchCluster, proxy: FaultProxy, spec: CredentialSpec
) -> None:
    tried: list[ProxyRequest] = []

    def hook(request: ProxyRequest, phase: Phase) -> Verdict:
        if phase == "after":
            return None
        if request.path == TRIAL:
            tried.append(request)
            return UNAUTHENTICATED
        return failure(503) if tried else None

    proxy.hook = hook
    with pytest.raises(Outage, match="503"):
        cluster.create(spec, password())


# --- the user of `bot check` ---


def own_users(node: Node) -> list[str]:
    make_visible(node)
    security = node.client().security
    return [each for each in {**security.get_user().body, **security.get_role().body} if each.startswith(CHECK_PREFIX)]


def test_a_check_makes_a_user_of_its_own_and_leaves_nothing(connector: Elasticsearch, each_node: Node) -> None:
    try_own_user(connector, datetime.now(UTC))
    assert own_users(each_node) == []


def test_what_a_killed_check_leaves_is_found_and_removed(
    connector: Elasticsearch, cluster: ElasticsearchCluster, proxy: FaultProxy, each_node: Node
) -> None:
    proxy.hook = lambda request, phase: failure(503) if (request.method, phase) == ("DELETE", "before") else None
    began = datetime.now(UTC)
    try_own_user(connector, began)
    proxy.hook = None
    (left,) = set(own_users(each_node))
    (found,) = [each for page in cluster.found() for each in page if each.username == left]
    assert (found.enabled, found.expires_at, found.marked) == (True, began + CHECK_LASTS, False)
    (receipt,) = cluster.remove([left])
    assert receipt.complete
