"""Addresses: the client connects to the accepted ones as they are written, and the refused ones say why."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.cluster.client import connect
from tests.unit.config.test_settings import CANARY, COMPLETE, encoded, problems_of, read, without


@pytest.fixture(autouse=True)
def empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No `.env` but the test's own."""
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize(
    "cloud_id",
    [
        CANARY, "name:", encoded("eu.example.com$abc123$kibana"), f":{encoded('eu.example.com$abc123')}",
        f"a:b:{encoded('eu.example.com$abc123$kibana')}",
    ],
    ids=["no code", "an empty code", "no name", "an empty name", "a colon in the name"],
)  # fmt: skip
def test_a_cloud_id_that_the_client_reads_differently_is_refused(cloud_id: str) -> None:
    (problem,) = problems_of(without("ELASTICSEARCH_URL") | {"ELASTICSEARCH_CLOUD_ID": cloud_id})
    assert problem.startswith("ELASTICSEARCH_CLOUD_ID: must be NAME:CODE with one colon")
    assert CANARY not in problem


@given(st.text("ab:$=. ", max_size=6), st.text("ab.:$943", max_size=20))
def test_the_client_connects_where_an_accepted_cloud_id_says(name: str, decoded: str) -> None:
    cloud_id = f"{name}:{encoded(decoded)}"
    environment = without("ELASTICSEARCH_URL") | {"ELASTICSEARCH_CLOUD_ID": cloud_id}
    if problems_of(environment):
        return
    configuration = read(environment).configuration()
    (integration,) = configuration.policy.integrations
    client = connect(configuration.connections[integration.name])
    (node,) = client.transport.node_pool.all()
    client.close()
    assert integration.public_url in {node.base_url, node.base_url.removesuffix(":443")}


@pytest.mark.parametrize("setting", ["ELASTICSEARCH_URL", "ELASTICSEARCH_PUBLIC_URL", "SLACK_API_URL", "AUDIT_URL"])
@pytest.mark.parametrize(
    ("url", "sentence"),
    [
        ("https://es.example.com:9200?x=1", "must end with the host, the port or a path"),
        ("https://es.example.com:9200/?", "must end with the host, the port or a path"),
        ("https://es.example.com:9200/es#top", "must end with the host, the port or a path"),
        ("https://es.example.com/es/../other", "must not have . or .. between the slashes"),
        ("https://es.example.com/es/%2E%2e/other", "must not have . or .. between the slashes"),
        ("https://es.example.com/./es", "must not have . or .. between the slashes"),
        ("https://es.example.com\\@other.example.com", "must be like https://HOST:PORT"),
        ("https://user:word@es.example.com", "without a user or password in it"),
        ("https://user@es.example.com/es", "without a user or password in it"),
        ("es.example.com:9200", "must be like https://HOST:PORT"),
    ],
)
def test_what_is_too_much_in_an_address_is_named(setting: str, url: str, sentence: str) -> None:
    named = [each for each in problems_of(COMPLETE | {setting: url}) if each.startswith(f"{setting}: ")]
    assert len(named) == 1
    assert sentence in named[0]


def test_an_address_may_have_a_path_and_brackets() -> None:
    for url in ("https://[::1]:9200", "https://es.example.com/a/b-c", "http://host..example", "https://h/..a/b.."):
        assert read(COMPLETE | {"ELASTICSEARCH_URL": url}).elasticsearch_url == url
