"""Tokens outlive the password that they were made with, and the user: on real nodes with a licence that has tokens."""

import secrets
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from elasticsearch import Elasticsearch
from pydantic import SecretStr

from bot.access.clock import SystemClock
from bot.access.errors import Outage
from bot.access.ports import CredentialSpec, Privileges
from bot.cluster.client import ClusterConnection, connect
from bot.cluster.cluster import ElasticsearchCluster
from bot.cluster.ownership import Installation
from bot.sandbox.fault_proxy import FaultProxy, failure
from bot.sandbox.node import Node
from tests.nodes import versions
from tests.scenario.kinds import password_of, username
from tests.stage import set_stage

JSON = {"accept": "application/json", "content-type": "application/json"}
OK, UNAUTHORIZED = 200, 401


@pytest.fixture
def proxy(licensed: Node) -> Iterator[FaultProxy]:
    with FaultProxy(licensed.url) as running:
        yield running


@pytest.fixture
def cluster(licensed: Node, proxy: FaultProxy, executor: ThreadPoolExecutor) -> Iterator[ElasticsearchCluster]:
    username, password = licensed.connector()
    client = connect(ClusterConnection(username=username, password=SecretStr(password), url=proxy.url))
    yield ElasticsearchCluster(client, executor, Installation("here"), SystemClock())
    client.close()


def spec() -> CredentialSpec:
    name, until = f"es-access-{secrets.token_hex(4)}", datetime.now(UTC) + timedelta(hours=1)
    return CredentialSpec("REQ-7K3F9Q", name, "U0ALICE", ("logs-*",), Privileges(("read",)), until)


def password() -> SecretStr:
    return SecretStr(secrets.token_urlsafe(24))


def session(node: Node, username: str, secret: SecretStr) -> str:
    """The access token of a new session; a refresh token is made with it."""
    body = {"grant_type": "password", "username": username, "password": secret.get_secret_value()}
    made = node.client().perform_request("POST", "/_security/oauth2/token", headers=JSON, body=body)
    return str(made.body["access_token"])


def status(node: Node, token: str) -> int:
    with Elasticsearch(node.url, bearer_auth=token) as client:
        return int(client.options(ignore_status=[UNAUTHORIZED]).security.authenticate().meta.status)


def with_session(node: Node, cluster: ElasticsearchCluster) -> tuple[CredentialSpec, str]:
    made, secret = spec(), password()
    cluster.create(made, secret)
    token = session(node, made.username, secret)
    assert status(node, token) == OK
    return made, token


@pytest.mark.parametrize("disable", [False, True], ids=["deleted", "disabled"])
def test_the_end_of_access_ends_its_sessions_and_the_receipt_says_how_many_tokens(
    licensed: Node, cluster: ElasticsearchCluster, disable: bool
) -> None:
    several = [with_session(licensed, cluster) for _ in range(3)]
    without = spec()
    cluster.create(without, password())
    receipts = cluster.remove([*(made.username for made, _ in several), without.username], disable=disable)
    assert [status(licensed, token) for _, token in several] == [UNAUTHORIZED] * 3
    assert [(each.tokens_ended, each.complete) for each in receipts] == [(2, True)] * 3 + [(0, True)]


def test_a_new_password_ends_the_sessions_of_the_old_one_and_those_alone(
    licensed: Node, cluster: ElasticsearchCluster
) -> None:
    made, token = with_session(licensed, cluster)
    _, other = with_session(licensed, cluster)
    new = password()
    assert cluster.renew(made, new) == 2
    assert (status(licensed, token), status(licensed, other)) == (UNAUTHORIZED, OK)
    assert status(licensed, session(licensed, made.username, new)) == OK


def test_a_later_end_leaves_the_sessions_alone(licensed: Node, cluster: ElasticsearchCluster) -> None:
    made, token = with_session(licensed, cluster)
    cluster.extend(made)
    assert status(licensed, token) == OK


def test_sessions_whose_end_is_not_confirmed_are_ended_by_the_next_attempt(
    licensed: Node, cluster: ElasticsearchCluster, proxy: FaultProxy
) -> None:
    made, token = with_session(licensed, cluster)
    proxy.hook = lambda request, phase: (
        failure(503) if phase == "before" and request.path.startswith("/_security/oauth2/token") else None
    )
    (receipt,) = cluster.remove([made.username])
    assert (receipt.tokens_ended, receipt.complete, receipt.user_gone) == (None, False, True)
    with pytest.raises(Outage):
        cluster.renew(with_session(licensed, cluster)[0], password())
    proxy.hook = None
    (receipt,) = cluster.remove([made.username])
    assert (receipt.tokens_ended, receipt.complete) == (2, True)
    assert status(licensed, token) == UNAUTHORIZED


def test_reset_and_revoke_end_the_sessions_and_the_receipt_says_so(licensed: Node, tmp_path: Path) -> None:
    with ExitStack() as stack:
        stage = set_stage(licensed, tmp_path, stack)
        stage.app.start()
        request, _ = stage.granted()
        first = password_of(stage, request)
        before = session(licensed, username(request), SecretStr(first.secret))
        stage.say(stage.alice, f"reset {request}")
        second = password_of(stage, request, but=first.secret)
        stage.wait(lambda: status(licensed, before) == UNAUTHORIZED, "the end of the session of the old password")
        stage.wait(lambda: stage.audit("grant.renewed"), "the renewal in the audit")
        assert '"tokens_ended": 2' in stage.audited("grant.renewed", request)
        after = session(licensed, username(request), SecretStr(second.secret))
        stage.say(stage.alice, f"revoke {request}")
        stage.reads(stage.alice, f"ACCESS {request} HAS ENDED", "(2 tokens ended)")
        assert status(licensed, after) == UNAUTHORIZED


def test_a_token_service_that_is_off_is_no_failure(executor: ThreadPoolExecutor) -> None:
    off = {"xpack.license.self_generated.type": "trial", "xpack.security.authc.token.enabled": False}
    with Node.start(versions()[0], settings=off) as node:
        username, secret = node.connector()
        client = connect(ClusterConnection(username=username, password=SecretStr(secret), url=node.url))
        cluster, made = ElasticsearchCluster(client, executor, Installation("here"), SystemClock()), spec()
        cluster.create(made, password())
        assert cluster.renew(made, password()) == 0
        (receipt,) = cluster.remove([made.username])
        assert (receipt.tokens_ended, receipt.complete) == (0, True)
        client.close()
