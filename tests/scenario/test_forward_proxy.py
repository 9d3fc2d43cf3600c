"""Slack and the cluster behind a forward proxy (tinyproxy), with TLS through it: the whole way, and how it fails."""

import json
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import urlopen

import pytest
import trustme

from bot.sandbox.node import Node
from bot.sandbox.node.node import free_port
from tests.forward_proxy import ELSEWHERE, Proxy, forward_proxy, with_tls
from tests.scenario.newcomer import Newcomer
from tests.stage import set_stage

USER, PASSWORD = "from-inside", "way-out-7f3a9c"

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only Linux answers at every address of 127/8")


@dataclass
class Elsewhere:
    """Slack and the cluster at addresses with TLS, which no variable of the stage itself names."""

    newcomer: Newcomer
    proxy: Proxy
    slack: str
    cluster: str
    folder: Path

    def settings(self, proxy: str | None = None) -> dict[str, str]:
        """The variables; `proxy` is in place of the running one, with its user and password."""
        return {
            "SLACK_API_URL": f"{self.slack}/api/",
            "ELASTICSEARCH_URL": self.cluster,
            "ELASTICSEARCH_CA_CERTS": str(self.folder / "ca.pem"),
            "SSL_CERT_FILE": str(self.folder / "ca.pem"),
            "HTTPS_PROXY": proxy or f"http://{USER}:{PASSWORD}@127.0.0.1:{self.proxy.port}",
        }


@pytest.fixture
def elsewhere(node: Node, tmp_path: Path) -> Iterator[Elsewhere]:
    """A proxy that asks for a user and password is on the only way to Slack and to the cluster."""
    authority = trustme.CA()
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    with ExitStack() as stack:
        proxy = stack.enter_context(forward_proxy(tmp_path / "proxy", f"BasicAuth {USER} {PASSWORD}"))
        stage = set_stage(node, tmp_path, stack)
        slack_port = int(stage.workspace.api_url.split(":")[2].split("/")[0])
        slack = stack.enter_context(with_tls(authority, slack_port))
        cluster = stack.enter_context(with_tls(authority, int(node.url.rpartition(":")[2])))
        stage.workspace._state.socket_root = f"wss://{ELSEWHERE}:{slack}"
        yield Elsewhere(
            Newcomer(stage, tmp_path), proxy, f"https://{ELSEWHERE}:{slack}", f"https://{ELSEWHERE}:{cluster}", tmp_path
        )


def test_access_is_given_and_ends_through_the_proxy_whose_password_is_never_logged(elsewhere: Elsewhere) -> None:
    stage = elsewhere.newcomer.stage
    stage.app.environment |= elsewhere.settings()
    stage.app.start()
    request, secret = stage.granted()
    stage.say(stage.alice, f"revoke {request}")
    stage.refused(secret)
    ways = elsewhere.proxy.connects()
    for each in (elsewhere.slack, elsewhere.cluster):
        assert each.removeprefix("https://") in ways
    stage.app.stop()
    log = stage.app.log.read_text(encoding="utf-8")
    assert PASSWORD not in log
    assert "Traceback" not in log


def test_check_names_the_ways(elsewhere: Elsewhere) -> None:
    found = elsewhere.newcomer.check(**elsewhere.settings())
    assert found.code == 0, found.text
    address = f"127.0.0.1:{elsewhere.proxy.port}"
    assert found.line("ok    forward proxy") == (
        f"ok    forward proxy: Slack, elasticsearch through {address} (HTTPS_PROXY)"
    )
    assert PASSWORD not in found.text
    host = elsewhere.cluster.removeprefix("https://")
    before = elsewhere.proxy.connects().count(host)
    found = elsewhere.newcomer.check(**elsewhere.settings(), NO_PROXY=host)
    assert found.code == 0, found.text
    assert found.line("ok    forward proxy").endswith("; elasticsearch directly")
    assert elsewhere.proxy.connects().count(host) == before


def test_a_proxy_that_asks_refuses_or_is_down_is_named_for_slack_and_the_cluster(elsewhere: Elsewhere) -> None:
    newcomer, nobody = elsewhere.newcomer, free_port()
    (elsewhere.folder / "filter").write_text("somewhere-else")
    only = f'Filter "{elsewhere.folder}/filter"\nFilterDefaultDeny Yes\n'
    with forward_proxy(elsewhere.folder / "strict", only) as strict:
        for url, reason in (
            (elsewhere.proxy.url, "asks for a user and password, or refuses them (407)"),
            (strict.url, "refuses to open the way (403)"),
            (f"http://127.0.0.1:{nobody}", "connection refused"),
            ("no-such-proxy.invalid:3128", "its name is not known (DNS)"),
        ):
            found = newcomer.check(**elsewhere.settings(url))
            name = f"the proxy {url.removeprefix('http://')} of HTTPS_PROXY"
            separator = ": " if "(40" not in reason else " "
            assert found.line("FAIL  Slack: Slack does not answer").endswith(f"{name}{separator}{reason}")
            assert found.line("FAIL  cluster: no way to").endswith(f"{name}{separator}{reason}")
            assert "NO_PROXY" in found.fix("FAIL  cluster: no way to")


def test_the_log_and_readiness_name_the_proxy(elsewhere: Elsewhere) -> None:
    stage = elsewhere.newcomer.stage
    stage.app.environment |= elsewhere.settings(elsewhere.proxy.url)
    stage.app.start(ready=False)
    why = "asks for a user and password, or refuses them (407)"
    reason = f"Slack does not answer: the proxy 127.0.0.1:{elsewhere.proxy.port} of HTTPS_PROXY {why}"

    def said() -> dict[str, str] | None:
        try:
            with urlopen(f"{stage.app.url}/readyz?deep", timeout=5):  # noqa: S310 (our own)
                return None
        except HTTPError as error:
            answers: dict[str, str] = json.load(error)
            return answers if answers["slack"] == reason else None
        except OSError:
            return None

    found = stage.wait(said, "the reason in /readyz?deep")
    assert found["elasticsearch elasticsearch"] == f"Elasticsearch does not answer: the proxy of HTTPS_PROXY {why}"
    assert f"cannot connect to Slack yet    [bot.slack.socket_mode] error='{reason}'" in stage.app.log.read_text()


@pytest.mark.parametrize("proxy", ["socks5://127.0.0.1:1080", "https://127.0.0.1:3128", "http://:3128"])
def test_a_proxy_that_cannot_be_used_is_a_problem_of_the_settings(elsewhere: Elsewhere, proxy: str) -> None:
    found = elsewhere.newcomer.run(HTTPS_PROXY=proxy)
    assert found.code == 1
    assert "HTTPS_PROXY: must be like http://HOST:PORT" in found.text
