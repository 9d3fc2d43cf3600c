"""Which way leads to a server, and why a connection failed."""

import os
import socket
import ssl
from collections.abc import Mapping
from unittest.mock import patch
from urllib.error import URLError

import pytest
from pydantic import SecretStr
from urllib3.exceptions import MaxRetryError, NewConnectionError, ProxyError

from bot.network.failures import Cause, failure_of
from bot.network.forward_proxy import ForwardProxy, adopt, forward_proxy, proxy_problems, proxy_secrets
from bot.slack.errors import slack_proxy

PROXY = ForwardProxy("HTTPS_PROXY", "http://user:p%40ss@proxy.example.com:3128")


def way(url: str, variables: Mapping[str, str]) -> str | None:
    with patch.dict(os.environ, variables, clear=True):
        found = forward_proxy(url)
    return found.address if found else None


@pytest.mark.parametrize(
    ("variables", "url", "expected"),
    [
        ({}, "https://es.example.com:9200", None),
        ({"HTTPS_PROXY": "http://p:1"}, "https://es.example.com:9200", "p:1"),
        ({"https_proxy": "http://p:1"}, "wss://slack.example.com/link", "p:1"),
        ({"HTTPS_PROXY": "p:1"}, "https://es.example.com", "p:1"),
        ({"HTTPS_PROXY": "http://p"}, "https://es.example.com", "p:80"),
        ({"HTTPS_PROXY": "http://[2001:db8::1]:1/"}, "https://es.example.com", "[2001:db8::1]:1"),
        ({"HTTPS_PROXY": "http://p:1"}, "http://es.example.com", None),
        ({"HTTP_PROXY": "http://p:1"}, "http://es.example.com", "p:1"),
        ({"HTTP_PROXY": "http://p:1"}, "https://es.example.com", None),
        ({"HTTPS_PROXY": "http://p:1", "NO_PROXY": "example.com"}, "https://es.example.com:9200", None),
        ({"HTTPS_PROXY": "http://p:1", "NO_PROXY": "other, .example.com"}, "https://es.example.com", None),
        ({"HTTPS_PROXY": "http://p:1", "NO_PROXY": "es.example.com:9200"}, "https://es.example.com:9200", None),
        ({"HTTPS_PROXY": "http://p:1", "NO_PROXY": "es.example.com:9200"}, "https://es.example.com:9243", "p:1"),
        ({"HTTPS_PROXY": "http://p:1", "NO_PROXY": "*"}, "https://es.example.com", None),
        ({"HTTPS_PROXY": "http://p:1", "https_proxy": ""}, "https://es.example.com", None),
    ],
)
def test_the_way_to_a_server(variables: Mapping[str, str], url: str, expected: str | None) -> None:
    assert way(url, variables) == expected


def test_this_machine_is_never_reached_through_a_proxy() -> None:
    with patch.dict(os.environ, {"NO_PROXY": "a.example.com"}, clear=True):
        adopt({"HTTPS_PROXY": "http://p:1", "NO_PROXY": "of the file, which the environment beats"})
        for host in ("localhost", "127.0.0.1:3000", "[::1]:9200", "a.example.com"):
            assert forward_proxy(f"https://{host}") is None
        assert forward_proxy("https://b.example.com") is not None


def test_slack_takes_the_other_variable_where_there_is_one() -> None:
    with patch.dict(os.environ, {"HTTP_PROXY": "http://p:1"}, clear=True):
        assert slack_proxy("https://slack.com/api/") == ForwardProxy("HTTP_PROXY", "http://p:1")
        assert slack_proxy("wss://wss-primary.slack.com/link") == ForwardProxy("HTTP_PROXY", "http://p:1")


def test_a_password_is_known_in_both_forms_and_stands_in_no_text() -> None:
    with patch.dict(os.environ, {"HTTPS_PROXY": PROXY.url}, clear=True):
        assert {SecretStr("p%40ss"), SecretStr("p@ss"), SecretStr("user:p%40ss")} == set(proxy_secrets())
    assert PROXY.headers == {"proxy-authorization": "Basic dXNlcjpwQHNz"}
    assert PROXY.bare_url == "http://proxy.example.com:3128"
    assert "p%40ss" not in repr(PROXY)


@pytest.mark.parametrize("value", ["socks5://p:1", "https://p:1", "http://", "http://p:port", "http://p:99999"])
def test_a_proxy_that_cannot_be_used_is_named_without_its_value(value: str) -> None:
    with patch.dict(os.environ, {"HTTPS_PROXY": value}, clear=True):
        ((variable, problem),) = proxy_problems()
    assert variable == "HTTPS_PROXY"
    assert problem.startswith("must be like http://HOST:PORT")


REFUSED = URLError(ConnectionRefusedError(111, "Connection refused"))


@pytest.mark.parametrize(
    ("error", "proxy", "sentence"),
    [
        (URLError(socket.gaierror(-2, "…")), None, "its name is not known (DNS)"),
        (URLError(socket.gaierror(-2, "…")), PROXY, "the proxy proxy.example.com:3128 of HTTPS_PROXY: its name is not"),
        (REFUSED, None, "connection refused"),
        (REFUSED, PROXY, "the proxy proxy.example.com:3128 of HTTPS_PROXY: connection refused"),
        (URLError(ssl.SSLCertVerificationError(1, "…")), None, "its certificate is not trusted (TLS)"),
        (URLError(ssl.SSLCertVerificationError(1, "…")), PROXY, "its certificate is not trusted (TLS)"),
        (URLError(ssl.SSLError(1, "…")), None, "TLS fails"),
        (URLError(TimeoutError("…")), None, "no answer in time"),
        (OSError(101, "Network is unreachable"), None, "no way to it in this network"),
        (ConnectionResetError(104, "…"), None, "the connection broke"),
        (URLError(OSError("Tunnel connection failed: 407 …")), PROXY, "the proxy proxy.example.com:3128 of HTTPS"),
        (ProxyError("…", OSError("Tunnel connection failed: 502 …")), None, "the proxy of HTTPS_PROXY refuses to open"),
        (
            MaxRetryError(None, "/", ProxyError("…", NewConnectionError(None, "…"))), None,  # type: ignore[arg-type]
            "the proxy of HTTPS_PROXY: the connection broke",
        ),
    ],
)  # fmt: skip
def test_why_a_connection_failed(error: BaseException, proxy: ForwardProxy | None, sentence: str) -> None:
    assert failure_of(error, proxy).sentence(proxy).startswith(sentence)


def test_an_answer_that_mentions_a_tunnel_is_no_refusal_where_there_is_no_proxy() -> None:
    failure = failure_of(OSError("Tunnel connection failed: 407"), None)
    assert (failure.cause, failure.proxy_status) == (Cause.BROKEN, None)
