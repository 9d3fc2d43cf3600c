"""A cluster without TLS behind a forward proxy, which is given the whole address instead of CONNECT."""

import sys
from contextlib import closing
from pathlib import Path

import pytest
from pydantic import SecretStr

from bot.access.errors import Outage
from bot.cluster.client import ClusterConnection, ask, connect
from bot.sandbox.node import Node
from tests.forward_proxy import ELSEWHERE, forward_proxy, relayed

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only Linux answers at every address of 127/8")


def test_calls_and_answers_pass(node: Node, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    name, password = node.connector()
    with forward_proxy(tmp_path / "proxy", "BasicAuth a-user a-word") as proxy, relayed(node_port(node)) as port:
        connection = ClusterConnection(name, SecretStr(password), url=f"http://{ELSEWHERE}:{port}")
        monkeypatch.setenv("HTTP_PROXY", f"http://a-user:a-word@127.0.0.1:{proxy.port}")
        with closing(connect(connection)) as client:
            assert ask(client, client.security.authenticate)["username"] == name
            assert ask(client, lambda: client.security.get_role(name=name)).keys() == {name}
        assert f"{ELSEWHERE}:{port}" in proxy.log.read_text(encoding="utf-8")

        monkeypatch.setenv("HTTP_PROXY", proxy.url)
        with (
            closing(connect(connection)) as client,
            pytest.raises(Outage, match="a forward proxy asks for a user and password"),
        ):
            ask(client, client.security.authenticate)

        monkeypatch.setenv("NO_PROXY", ELSEWHERE)
        with closing(connect(connection)) as client:
            assert ask(client, client.security.authenticate)["username"] == name


def node_port(node: Node) -> int:
    return int(node.url.rpartition(":")[2])
