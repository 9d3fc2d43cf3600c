"""`bot check` on the cluster: each problem is named with its fix below."""

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from io import StringIO
from pathlib import Path
from time import monotonic

import pytest
import trustme

from bot.checks.cluster import check_clocks
from bot.checks.report import Report
from bot.cluster.connector.privileges import ROLE
from bot.sandbox.node import Node
from tests.scenario.newcomer import LONGEST_SECONDS, Newcomer, arrived, responder, silent, tls

_JSON = {"content-type": "application/json", "accept": "application/json"}


@pytest.fixture
def newcomer(node: Node, tmp_path: Path) -> Iterator[Newcomer]:
    """In Socket Mode."""
    with arrived(node, tmp_path) as ready:
        yield ready


def test_a_refused_password_is_named_with_the_calls_that_make_the_account(newcomer: Newcomer) -> None:
    fix = newcomer.check(ELASTICSEARCH_PASSWORD="wrong-wrong").fails_with("cluster: it does not take the password")
    assert "PUT /_security/role/es-access-connector\n{" in fix
    assert "PUT /_security/user/es-access-connector\n{" in fix


def test_nothing_at_the_address_is_named(newcomer: Newcomer) -> None:
    with silent() as port:
        pass
    fix = newcomer.check(ELASTICSEARCH_URL=f"http://127.0.0.1:{port}").fails_with("cluster: nothing listens at")
    assert "Start Elasticsearch" in fix


def test_an_unknown_host_is_named(newcomer: Newcomer) -> None:
    fix = newcomer.check(ELASTICSEARCH_URL="http://no-such-host.invalid:9200").fails_with("cluster: the host of")
    assert "Correct the host name" in fix


@pytest.mark.parametrize("url", ["http://127.0.0.1:port", "http://127.0.0.1:99999"])
def test_an_address_that_cannot_be_used_is_a_problem_of_the_address(newcomer: Newcomer, url: str) -> None:
    found = newcomer.check(ELASTICSEARCH_URL=url)
    assert found.code == 1
    assert "ELASTICSEARCH_URL" in found.line("FAIL")


@pytest.mark.parametrize(
    ("root", "named"),
    [
        ({"version": {"distribution": "opensearch", "number": "3.9.0"}}, "this is OpenSearch 3.9.0"),
        ({"version": {"build_flavor": "serverless", "number": "8.11.0"}}, "this is Elastic Cloud Serverless"),
        ({"version": {"build_flavor": "default", "number": "7.17.29"}}, "this is Elasticsearch 7.17.29"),
    ],
)
def test_a_product_that_cannot_be_served_is_named_by_the_check_and_refused_at_the_start(
    newcomer: Newcomer, root: dict[str, object], named: str
) -> None:
    with responder({"": root}) as url:
        fix = newcomer.check(ELASTICSEARCH_URL=url).fails_with(f"cluster: {named}")
        refused = newcomer.run(ELASTICSEARCH_URL=url)
    assert "es-access needs" in fix
    assert refused.code == 1
    assert f"  - elasticsearch: {named}" in refused.text
    assert "es-access needs" in refused.text


def test_something_else_at_the_address_is_named(newcomer: Newcomer) -> None:
    with responder({}) as url:
        found = newcomer.check(ELASTICSEARCH_URL=url)
    assert "Correct ELASTICSEARCH_URL" in found.fails_with("cluster: what answers at")


def test_tls_that_does_not_fit_is_named_with_the_variable_that_mends_it(newcomer: Newcomer, node: Node) -> None:
    https = node.url.replace("http://", "https://")
    fix = newcomer.check(ELASTICSEARCH_URL=https).fails_with(f"cluster: {https} does not speak TLS")
    assert fix == "Begin ELASTICSEARCH_URL with http://"
    authority, ca_file = trustme.CA(), newcomer.folder / "ca.pem"
    authority.cert_pem.write_to_path(ca_file)
    with tls(authority) as port:
        plain = newcomer.check(ELASTICSEARCH_URL=f"http://127.0.0.1:{port}")
        assert "begin with https://" in plain.fails_with("cluster: ")
        untrusted = newcomer.check(ELASTICSEARCH_URL=f"https://127.0.0.1:{port}")
        assert "ELASTICSEARCH_CA_CERTS=http_ca.crt" in untrusted.fails_with("cluster: the certificate of")
        other = newcomer.check(ELASTICSEARCH_URL=f"https://localhost:{port}", ELASTICSEARCH_CA_CERTS=str(ca_file))
        assert "is for another host" in other.line("FAIL")
    with tls(trustme.CA()) as port:
        found = newcomer.check(ELASTICSEARCH_URL=f"https://127.0.0.1:{port}", ELASTICSEARCH_CA_CERTS=str(ca_file))
        assert f"not signed by what is in {ca_file}" in found.fails_with("cluster: the certificate of")
    ca_file.write_text("no certificate", encoding="ascii")
    found = newcomer.check(ELASTICSEARCH_URL="https://127.0.0.1:9", ELASTICSEARCH_CA_CERTS=str(ca_file))
    assert "BEGIN CERTIFICATE" in found.fails_with("cluster: there is no certificate in")


def test_missing_privileges_are_named_with_calls_that_give_them(newcomer: Newcomer, node: Node) -> None:
    security = node.client().security
    security.put_role(name="poor-role", cluster=["monitor"])
    security.put_user(username="poor", password="poor-poor", roles=["poor-role"])
    poor = {"ELASTICSEARCH_USERNAME": "poor", "ELASTICSEARCH_PASSWORD": "poor-poor"}
    try:
        fix = newcomer.check(**poor).fails_with("connector account: poor lacks cluster: manage_security, index *: mon")
        # Kibana's console takes the whole line of a call as its path.
        made = [(path, json.loads(body)) for path, body in re.findall(r"^PUT (/\S+)\n(\{.*\})$", fix, re.MULTILINE)]
        assert made == [
            ("/_security/role/es-access-connector", ROLE),
            ("/_security/user/poor", {"roles": ["poor-role", "es-access-connector"]}),
        ]
        for path, body in made:  # the printed calls work when pasted
            node.client().perform_request("PUT", path, headers=_JSON, body=body)
        found = newcomer.check(**poor)
        assert found.code == 0, found.text
    finally:
        security.delete_user(username="poor")
        security.delete_role(name="poor-role")


def test_a_superuser_works_and_is_warned_of(newcomer: Newcomer, node: Node) -> None:
    found = newcomer.check(ELASTICSEARCH_USERNAME=node.admin.username, ELASTICSEARCH_PASSWORD=node.admin.password)
    assert (found.code, found.text.splitlines()[-1]) == (0, "No problem, 1 warning.")
    assert found.line("warn").endswith("may do anything in the cluster; it works, and is more than needed")
    assert "PUT /_security/role/es-access-connector\n{" in found.fix("warn")


@pytest.mark.parametrize(("ahead", "verdict"), [(50, "ok  "), (70, "warn"), (-70, "warn")])
def test_clocks_over_a_minute_apart_are_warned_of(node: Node, ahead: int, verdict: str) -> None:
    class Moved:
        def now(self) -> datetime:
            return datetime.now(UTC) + timedelta(seconds=ahead)

    output = StringIO()
    check_clocks(Report(output), node.client(), Moved())
    assert output.getvalue().startswith(f"{verdict}  clocks: ")


def test_nothing_hangs_when_slack_and_the_cluster_are_silent(newcomer: Newcomer) -> None:
    started = monotonic()
    with silent() as port:
        found = newcomer.check(
            SLACK_API_URL=f"http://127.0.0.1:{port}/api/", ELASTICSEARCH_URL=f"http://127.0.0.1:{port}",
            DATABASE_URL=f"postgres://user:password@127.0.0.1:{port}/db",
        )  # fmt: skip
    assert monotonic() - started < LONGEST_SECONDS
    assert "firewall" in found.fix("FAIL  cluster: no answer from")
    assert found.line("FAIL  Slack: Slack does not answer")
    assert found.line("FAIL  database: PostgreSQL")


def test_own_accounts_of_native_users_have_their_line(newcomer: Newcomer) -> None:
    told = newcomer.check(ELASTICSEARCH_ACCOUNT_REALM="native").text
    assert "own accounts: a native user gets access only with the role es-access-own-…" in told
    given = newcomer.check(ELASTICSEARCH_ACCOUNT_REALM="native", ELASTICSEARCH_ACCOUNT_ADD_ROLE="true").text
    assert "ok    own accounts: native users, who are given the name of their personal role" in given
