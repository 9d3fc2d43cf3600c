"""Products other than Elasticsearch, and versions too old, are recognised by their own answers."""

import json
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from http.server import BaseHTTPRequestHandler
from typing import Any

import pytest
from elastic_transport import ApiResponseMeta, HttpHeaders, NodeConfig, TransportApiResponse
from pydantic import SecretStr

from bot.access.errors import Outage
from bot.cluster.client import ClusterConnection, connect
from bot.cluster.connection.product import Product, UnsupportedProduct, check_product, product_of
from tests.http_servers import serving

TAGLINE = {"tagline": "You Know, for Search"}

OPENSEARCH = {
    "name": "os", "cluster_name": "opensearch", "cluster_uuid": "PaK8QAeAR6CtgZimgwdQCw",
    "version": {
        "distribution": "opensearch", "number": "3.9.0", "build_type": "unknown",
        "build_hash": "4ee42a94e87f66fbf1e62a9871b1b87f91e02472", "build_date": "2026-09-23T01:01:31.883915140Z",
        "build_snapshot": False, "lucene_version": "10.5.1",
        "minimum_wire_compatibility_version": "2.19.0", "minimum_index_compatibility_version": "2.0.0",
    },
    "tagline": "The OpenSearch Project: https://opensearch.org/",
}  # fmt: skip
"""As version 3.9.0 answered."""

SERVERLESS = {
    "name": "serverless", "cluster_name": "project", "cluster_uuid": "AAAA",
    "version": {
        "number": "8.11.0", "build_flavor": "serverless", "build_type": "docker", "build_hash": "00000000",
        "build_date": "2023-10-31", "build_snapshot": False, "lucene_version": "9.7.0",
    },
    **TAGLINE,
}  # fmt: skip
"""The shape that Elastic documents; no project could be asked."""


def elasticsearch(number: str) -> dict[str, Any]:
    return {"name": "es", "version": {"number": number, "build_flavor": "default"}, **TAGLINE}


def answer(body: Any, status: int = 200, host: str = "es.example.com", **headers: str) -> TransportApiResponse:
    node = NodeConfig("https", host, 443)
    named = HttpHeaders({name.replace("_", "-"): value for name, value in headers.items()})
    return TransportApiResponse(ApiResponseMeta(status, "1.1", named, 0.1, node), body)


@pytest.mark.parametrize(
    ("body", "name", "version"),
    [
        (OPENSEARCH, "opensearch", "3.9.0"),
        (SERVERLESS, "serverless", "8.11.0"),
        (elasticsearch("8.14.3"), "elasticsearch", "8.14.3"),
        (elasticsearch("8.0.0"), "elasticsearch", "8.0.0"),
        (elasticsearch("7.17.29"), "elasticsearch", "7.17.29"),
        (elasticsearch("6.8.23"), "elasticsearch", "6.8.23"),
        (json.dumps(elasticsearch("7.0.1")), "elasticsearch", "7.0.1"),  # of a media type that the client cannot read
    ],
)
def test_what_cannot_be_served_is_named_with_the_way_there_is(body: Any, name: str, version: str) -> None:
    found = product_of(answer(body))
    assert found == Product(name, version)
    assert found.problem is not None
    what, way = found.problem
    assert way.startswith("es-access needs ")
    assert what.startswith("this is ")


@pytest.mark.parametrize("version", ["8.15.0", "8.19.21", "9.0.0", "9.5.3", "10.0.0", "9.6.0-SNAPSHOT", ""])
def test_elasticsearch_from_version_8_15_on_is_served(version: str) -> None:
    found = product_of(answer(elasticsearch(version)))
    assert found is not None
    assert found.problem is None


@pytest.mark.parametrize("body", [None, "", "<html>", [], {"version": "8"}, {"ok": True}, b"\xff"])
def test_an_answer_that_says_nothing_is_of_no_known_product(body: Any) -> None:
    assert product_of(answer(body)) is None
    assert product_of(answer(elasticsearch("7.0.0"), status=405)) is None


def test_a_version_that_is_none_is_not_repeated() -> None:
    found = product_of(answer({"version": {"distribution": "opensearch", "number": "3\n<script>" * 9}}))
    assert found == Product("opensearch")


def test_what_refuses_the_account_is_recognised_by_its_realm_or_its_host() -> None:
    said = {"www_authenticate": 'Basic realm="OpenSearch Security"'}
    assert product_of(answer("Unauthorized", 401, **said)) == Product("opensearch")
    host = "my-project-c44c4f.es.us-east-1.aws.elastic.cloud"
    assert product_of(answer({}, 401, host)) == Product("serverless")
    for other in ("es.example.com", "my-deployment.es.us-east-1.aws.found.io", "my.es.europe-west1.gcp.cloud.es.io"):
        assert product_of(answer({}, 401, other, www_authenticate='Basic realm="security"')) is None


@contextmanager
def server(body: Mapping[str, Any]) -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            accepted = self.headers["Accept"]
            text = json.dumps(body).encode()
            # Version 7 and OpenSearch refuse the media type of the client's own calls.
            self.send_response(200 if accepted == "application/json" else 406)
            self.send_header("Content-Type", "application/json; charset=UTF-8")
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        def log_message(self, *_: object) -> None:
            """Keeps the test's output clean."""

    with serving(Handler) as url:
        yield url


@pytest.mark.parametrize(
    "body", [OPENSEARCH, SERVERLESS, elasticsearch("7.17.29")], ids=["opensearch", "serverless", "7"]
)
def test_a_server_is_asked_in_words_that_each_of_them_takes(body: Mapping[str, Any]) -> None:
    with server(body) as url:
        connection = ClusterConnection("user", SecretStr("word"), url=url)
        with closing(connect(connection)) as client, pytest.raises(UnsupportedProduct, match="es-access needs"):
            check_product(client)
    with closing(connect(connection)) as client, pytest.raises(Outage, match="connection refused"):
        check_product(client)
