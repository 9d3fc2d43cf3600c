"""Connection problems are explained by codes and types, whatever the wording of OpenSSL and Elasticsearch."""

import datetime as dt
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from io import StringIO
from pathlib import Path

import pytest
import trustme
from elastic_transport import ApiResponseMeta, HttpHeaders, NodeConfig
from elasticsearch import ApiError, Elasticsearch, TransportError
from pydantic import SecretStr

from bot.access.policy.model import Integration
from bot.checks import connection
from bot.checks.configuration import Setup
from bot.checks.connection import Target, check_connection
from bot.checks.report import Report
from bot.cluster.client import ClusterConnection, connect
from bot.config.settings import Settings

NODE = NodeConfig("https", "127.0.0.1", 9200)


def target(url: str, ca_certs: Path | None = None) -> Target:
    settings = Settings(slack_bot_token=SecretStr("xoxb-1234567890"), _env_file=None)
    made = ClusterConnection("es-access-connector", SecretStr("secret"), url=url, ca_certs=ca_certs)
    return Target(Setup(settings, None), Integration(name="elasticsearch", owner=("U0000001",), public_url=url), made)


def told(client: Elasticsearch, about: Target) -> str:
    """The line of the check."""
    output = StringIO()
    try:
        assert check_connection(Report(output), client, about) is None
    finally:
        client.close()
    return output.getvalue().splitlines()[0]


@contextmanager
def serving(context: ssl.SSLContext | None) -> Iterator[int]:
    """A port that makes TLS handshakes, or (`None`) answers them in plain text."""

    def serve() -> None:
        while True:
            try:
                made, _ = listener.accept()
            except OSError:
                return
            with made:
                try:
                    if context is None:
                        made.recv(1000)
                        made.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")
                    else:
                        context.wrap_socket(made, server_side=True).close()
                except OSError:
                    continue

    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=serve, daemon=True).start()
        yield listener.getsockname()[1]


NOW = dt.datetime.now(dt.UTC)
DAY = dt.timedelta(days=1)


@pytest.fixture(params=["as worded", "reworded"])
def words(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """OpenSSL's sentences change with its versions: everything has to come out the same in other words."""
    if request.param == "reworded":
        found = connection._unreachable

        def reworded(error: TransportError, about: Target) -> tuple[str, str]:
            error.message = "expired, so to say: mismatch of WRONG_VERSION_NUMBER"
            return found(error, about)

        monkeypatch.setattr(connection, "_unreachable", reworded)


@pytest.mark.usefixtures("words")
@pytest.mark.parametrize(
    ("names", "until", "since", "says"),
    [
        (["other.example"], DAY, -DAY, "the certificate of {} is for another host"),
        (["10.0.0.1"], DAY, -DAY, "the certificate of {} is for another host"),
        (["127.0.0.1"], -DAY, -2 * DAY, "the certificate of {} has expired"),
        (["127.0.0.1"], 2 * DAY, DAY, "the certificate of {} is not trusted"),
    ],
)
def test_a_certificate_that_does_not_fit(
    tmp_path: Path, names: list[str], until: dt.timedelta, since: dt.timedelta, says: str
) -> None:
    authority, context = trustme.CA(), ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    authority.issue_cert(*names, not_after=NOW + until, not_before=NOW + since).configure_cert(context)
    with serving(context) as port:
        about = target(f"https://127.0.0.1:{port}", tmp_path / "ca.pem")
        assert told(connect(about.connection), about) == f"FAIL  cluster: {says.format(about.where)}"


@pytest.mark.usefixtures("words")
def test_a_certificate_of_another_authority_and_a_port_without_tls(tmp_path: Path) -> None:
    authority, context = trustme.CA(), ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA().cert_pem.write_to_path(tmp_path / "ca.pem")
    authority.issue_cert("127.0.0.1").configure_cert(context)
    with serving(context) as port:
        about = target(f"https://127.0.0.1:{port}", tmp_path / "ca.pem")
        assert told(connect(about.connection), about).endswith("is not trusted")
    with serving(None) as port:
        about = target(f"https://127.0.0.1:{port}")
        assert told(connect(about.connection), about).endswith("does not speak TLS")


@pytest.mark.parametrize(
    ("body", "product", "off"),
    [
        ({"error": "no handler found for uri [/_security/_authenticate] and method [GET]"}, True, True),
        ({"error": "there is no such call"}, True, True),
        ({"error": {"type": "illegal_argument_exception", "reason": "no handler found"}, "status": 400}, True, False),
        ({"error": "no handler found"}, False, False),  # a proxy
        ("no handler found", False, False),
    ],
)
def test_security_that_is_off_is_known_by_the_shape_of_the_answer(body: object, product: bool, off: bool) -> None:
    headers = HttpHeaders({"x-elastic-product": "Elasticsearch"} if product else {})
    error = ApiError("any", ApiResponseMeta(400, "1.1", headers, 0.1, NODE), body)
    found = connection._refused(error, target("https://127.0.0.1:9200"))
    assert found[0].startswith("cluster: its security is off") is off
