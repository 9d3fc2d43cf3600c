"""Signing in with an API key or a client certificate, on a real node with TLS that asks its clients for a certificate.

And the files of a connection: what has changed counts for the next call, without another client.
"""

import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

import pytest
import trustme
from elasticsearch import Elasticsearch
from pydantic import SecretStr
from structlog.testing import capture_logs

from bot.access.errors import Outage, Refusal
from bot.cluster.client import ClusterConnection, ask, connect
from bot.cluster.connector.account import NOT_ROTATED, ElasticsearchAccount
from bot.cluster.connector.password import ConnectorTransport
from bot.cluster.connector.privileges import ROLE, read_privileges
from bot.sandbox.node import Node
from bot.sandbox.node.node import CONNECTOR_NAME
from bot.sandbox.node.node_home import CLIENT, write_http_certificates
from bot.secret_stores.file import FileStore

REALMS = {
    "xpack.license.self_generated.type": "trial",
    "xpack.security.http.ssl.client_authentication": "required",
    "xpack.security.authc.realms.file.file1.order": 0,
    "xpack.security.authc.realms.native.native1.order": 1,
    "xpack.security.authc.realms.pki.pki1.order": 2,
}


class Files(NamedTuple):
    """The files of a connection."""

    ca_certs: Path
    client_certificate: Path


@pytest.fixture(scope="module")
def guarded() -> Iterator[Node]:
    """A node with TLS that accepts no connection without a client certificate."""
    with Node.start(tls=True, settings=REALMS) as node:
        node.connector()
        node.client().security.put_role_mapping(
            name="pki", enabled=True, roles=[CONNECTOR_NAME], rules={"field": {"realm.name": "pki1"}}
        )
        yield node


@pytest.fixture
def files(guarded: Node, tmp_path: Path) -> Files:
    """Copies of the node's authority and of the client's certificate, which a test may change."""
    ca_certs, certificate = tmp_path / "ca.pem", tmp_path / "client.pem"
    assert guarded.ca_certs is not None
    assert guarded.client_certificate is not None
    ca_certs.write_bytes(guarded.ca_certs.read_bytes())
    certificate.write_bytes(guarded.client_certificate.read_bytes())
    return Files(ca_certs, certificate)


@pytest.fixture
def connection(guarded: Node, files: Files) -> ClusterConnection:
    """By certificate alone."""
    return ClusterConnection(
        "", SecretStr(""), url=guarded.url, ca_certs=files.ca_certs, client_certificate=files.client_certificate
    )


def who(client: Elasticsearch) -> str:
    return str(ask(client, client.security.authenticate)["username"])


def new_key(node: Node) -> str:
    made = node.client().security.create_api_key(name="connector", role_descriptors={CONNECTOR_NAME: ROLE})
    return str(made["encoded"])


def test_a_client_certificate_signs_in_by_itself(connection: ClusterConnection) -> None:
    with closing(connect(connection)) as client:
        assert who(client) == CLIENT
        assert read_privileges(client).missing == ()


def test_a_password_works_beside_the_certificate(guarded: Node, files: Files) -> None:
    name, password = guarded.connector()
    with closing(
        connect(
            ClusterConnection(
                name,
                SecretStr(password),
                url=guarded.url,
                ca_certs=files.ca_certs,
                client_certificate=files.client_certificate,
            )
        )
    ) as client:
        assert who(client) == name


def test_without_the_certificate_there_is_no_connection(guarded: Node, files: Files) -> None:
    name, password = guarded.connector()
    bare = ClusterConnection(name, SecretStr(password), url=guarded.url, ca_certs=files.ca_certs)
    with closing(connect(bare)) as client, pytest.raises(Outage):
        who(client)


def test_a_key_does_what_the_connector_does(guarded: Node, files: Files) -> None:
    key = SecretStr(new_key(guarded))
    with closing(
        connect(
            ClusterConnection(
                "",
                SecretStr(""),
                url=guarded.url,
                api_key=key,
                ca_certs=files.ca_certs,
                client_certificate=files.client_certificate,
            )
        )
    ) as client:
        assert ask(client, client.security.authenticate)["authentication_type"] == "api_key"
        assert read_privileges(client).missing == ()
        security = client.security
        ask(client, lambda: security.put_user(username="made-by-key", password="a-long-password", roles=[]))
        ask(client, lambda: security.delete_user(username="made-by-key"))


def test_a_new_key_is_read_from_its_store_when_the_old_one_has_ended(each_node: Node, tmp_path: Path) -> None:
    stored = tmp_path / "key"
    stored.write_text(new_key(each_node))
    connection = ClusterConnection("", SecretStr(""), url=each_node.url, api_key=SecretStr(""), store=FileStore(stored))
    with closing(connect(connection)) as client:
        old = ask(client, client.security.authenticate)["api_key"]["id"]
        stored.write_text(new_key(each_node))
        each_node.client().security.invalidate_api_key(ids=[old])
        assert ask(client, client.security.authenticate)["api_key"]["id"] != old

        transport = client.transport
        assert isinstance(transport, ConnectorTransport)
        account = ElasticsearchAccount(client, transport.password)
        with pytest.raises(Refusal) as refused:
            account.check_writable()
        assert str(refused.value) == NOT_ROTATED


def test_changed_files_count_for_the_next_call(connection: ClusterConnection, files: Files) -> None:
    ca_certs, good = files.ca_certs, files.ca_certs.read_bytes()
    with closing(connect(connection)) as client, capture_logs() as logs:
        assert who(client) == CLIENT
        trustme.CA().cert_pem.write_to_path(ca_certs)
        with pytest.raises(Outage):  # though a connection that trusted the old authority is open
            who(client)
        ca_certs.write_bytes(good)
        began = time.monotonic()
        assert who(client) == CLIENT
        assert time.monotonic() - began < 2
        assert [each["event"] for each in logs] == ["certificates have changed and were read again"] * 2


def test_files_that_cannot_be_used_leave_the_old_ones_in_use(connection: ClusterConnection, files: Files) -> None:
    certificate, good = files.client_certificate, files.client_certificate.read_bytes()
    with closing(connect(connection)) as client, capture_logs() as logs:
        for broken in (b"", good[: len(good) // 2], b"-----BEGIN CERTIFICATE-----\n"):
            certificate.write_bytes(broken)
            assert who(client) == CLIENT
        certificate.unlink()
        assert who(client) == CLIENT
        assert {each["log_level"] for each in logs} == {"warning"}
        other = trustme.CA().issue_cert("somebody-else")
        other.private_key_and_cert_chain_pem.write_to_path(certificate)
        with pytest.raises(Outage):
            who(client)
        certificate.write_bytes(good)
        assert who(client) == CLIENT


def test_a_client_that_began_with_a_broken_file_works_when_it_is_there(
    connection: ClusterConnection, files: Files
) -> None:
    good = files.ca_certs.read_bytes()
    files.ca_certs.write_bytes(b"")
    assert connection.wrong_file() is not None
    with closing(connect(connection)) as client:
        with pytest.raises(Outage):
            who(client)
        files.ca_certs.write_bytes(good)
        assert who(client) == CLIENT


def test_a_node_with_another_authority_is_reached_when_its_file_has_changed(
    guarded: Node, connection: ClusterConnection, files: Files
) -> None:
    with closing(connect(connection)) as client:
        assert who(client) == CLIENT
        write_http_certificates(guarded.home / "config")
        guarded.restart()
        with pytest.raises(Outage):
            who(client)
        for copy, source in (
            (files.ca_certs, guarded.ca_certs),
            (files.client_certificate, guarded.client_certificate),
        ):
            assert source is not None
            copy.write_bytes(source.read_bytes())
        assert who(client) == CLIENT
