"""The page serves only browsers on this machine that opened its own address; it refuses other hosts and origins."""

import http.client
import json
import socket

import pytest

from bot.sandbox.page import PageServer
from tests.browser.conftest import Sandbox

BODY = json.dumps({"person": "nobody", "channel": "D1", "text": "/es-access help"})


def answer(
    page: PageServer, method: str, path: str, body: str | None = None, **headers: str
) -> tuple[int, str, dict[str, str]]:
    """Status, body and headers of one request."""
    connection = http.client.HTTPConnection("127.0.0.1", page.port, timeout=10)
    try:
        connection.request(method, path, body, {name.replace("_", "-"): text for name, text in headers.items()})
        got = connection.getresponse()
        return got.status, got.read().decode(), dict(got.getheaders())
    finally:
        connection.close()


def test_its_own_addresses_are_served_and_nothing_may_come_from_outside(sandbox: Sandbox) -> None:
    for host in (f"127.0.0.1:{sandbox.page.port}", f"LOCALHOST:{sandbox.page.port}"):
        status, body, headers = answer(sandbox.page, "GET", "/", Host=host)
        assert (status, "<title>es-access sandbox</title>" in body) == (200, True)
    policy = headers["Content-Security-Policy"]
    assert policy.startswith("default-src 'none'; script-src 'self'")
    assert "require-trusted-types-for 'script'" in policy
    assert "unsafe" not in policy
    assert headers["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize("host", ["evil.example", "evil.example:{port}", "127.0.0.1", "127.0.0.1:1", "[::1]:{port}"])
@pytest.mark.parametrize("path", ["/", "/assets/main.js", "/api/live", "/nothing"])
def test_another_host_name_is_refused_whatever_it_asks_for(sandbox: Sandbox, host: str, path: str) -> None:
    status, body, headers = answer(sandbox.page, "GET", path, Host=host.format(port=sandbox.page.port))
    assert (status, body) == (403, "This page is for this machine alone: open it by the address that was printed.")
    assert "Access-Control-Allow-Origin" not in headers


@pytest.mark.parametrize("origin", ["http://evil.example", "null", "https://127.0.0.1:{port}", "http://127.0.0.1:1"])
def test_another_sites_page_is_refused(sandbox: Sandbox, origin: str) -> None:
    theirs = origin.format(port=sandbox.page.port)
    for method, path, body in (
        ("GET", "/api/live", None),
        ("POST", "/api/write", BODY),
        ("OPTIONS", "/api/write", None),
    ):
        status, said, headers = answer(sandbox.page, method, path, body, Origin=theirs, Content_Type="application/json")
        assert (status, said) == (403, "Another site's page may not talk to the sandbox.")
        assert "Access-Control-Allow-Origin" not in headers


def test_an_action_without_an_origin_is_refused(sandbox: Sandbox) -> None:
    assert answer(sandbox.page, "POST", "/api/write", BODY, Content_Type="application/json")[0] == 403


def test_what_is_not_understood_is_answered_with_a_sentence(sandbox: Sandbox) -> None:
    own = {"Origin": f"http://127.0.0.1:{sandbox.page.port}", "Content_Type": "application/json"}
    alice = sandbox.stage.alice.id
    channel = sandbox.stage.workspace.direct_message(sandbox.stage.alice).id
    for path, body, status, words in (
        ("write", BODY, 409, "not in this workspace"),
        ("dance", json.dumps({"person": alice}), 409, "knows nothing called dance"),
        ("click", json.dumps({"person": alice}), 409, "not understood"),
        ("write", json.dumps({"person": alice, "channel": "D0", "text": "x"}), 409, "not in this conversation"),
        ("try", json.dumps({"person": alice, "channel": channel, "ts": "1.0"}), 409, "That message is gone"),
        ("clock", json.dumps({"person": alice, "seconds": -1}), 409, "moves forwards alone"),
        ("clock", json.dumps({"person": alice, "seconds": float("nan")}), 409, "moves forwards alone"),
        ("submit", json.dumps({"person": alice, "view": "V0", "values": {}}), 409, "closed already"),
        ("write", "[]", 400, "JSON object"),
        ("write", "{", 400, "JSON object"),
    ):
        got, said, _ = answer(sandbox.page, "POST", f"/api/{path}", body, **own)
        assert (got, words in said) == (status, True), (path, body, said)
    form = own | {"Content_Type": "text/plain"}
    assert answer(sandbox.page, "POST", "/api/write", BODY, **form)[0] == 400


@pytest.mark.parametrize("path", ["/assets/..%2fpage.py", "/assets/nothing.js", "/assets/", "/api/../page.py", "/bot"])
def test_no_path_leads_to_other_files(sandbox: Sandbox, path: str) -> None:
    assert answer(sandbox.page, "GET", path)[0] == 404


def test_it_listens_on_the_loopback_alone(sandbox: Sandbox) -> None:
    others = {each[4][0] for each in socket.getaddrinfo(socket.gethostname(), None, socket.AF_INET)}
    for address in others - {"127.0.0.1", "127.0.1.1"}:
        with socket.socket() as probe:
            probe.settimeout(2)
            assert probe.connect_ex((address, sandbox.page.port)) != 0
    with socket.socket() as own:
        assert own.connect_ex(("127.0.0.1", sandbox.page.port)) == 0


def test_a_port_in_use_is_not_taken_but_passed_by(sandbox: Sandbox) -> None:
    with PageServer(sandbox.stage, port=sandbox.page.port) as second:
        assert second.port != sandbox.page.port
        assert answer(second, "GET", "/")[0] == 200
        assert answer(second, "GET", "/", Host=f"127.0.0.1:{sandbox.page.port}")[0] == 403
