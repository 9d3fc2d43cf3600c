"""Which product answers at the address of a cluster. Elasticsearch's client says only that it is another one."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from elastic_transport import TransportApiResponse
from elasticsearch import Elasticsearch

from bot.access.errors import Refusal
from bot.cluster.client import TIMEOUT_SECONDS, domain_errors

OLDEST = (8, 15)
"""The oldest version: the first with the search of roles that reconciliation needs ("Find roles with a query",
Elasticsearch API: added in 8.15.0). Version 7 refuses what clients of version 8 send, too."""

OPENSEARCH, SERVERLESS = "opensearch", "serverless"
"""As `version.distribution` and `version.build_flavor` name them in the answer to `GET /`."""

_SERVERLESS_HOST = re.compile(r"\.es\.[a-z0-9-]+\.[a-z]+\.elastic\.cloud")
"""The end of the host of a Serverless project, which may answer nothing but that it refuses the password."""

_NUMBER = re.compile(r"[0-9A-Za-z.-]{1,40}")
"""A version that a message may repeat."""

_MAJOR_AND_MINOR = re.compile(r"([0-9]{1,4})\.([0-9]{1,4})")

_OLDEST = ".".join(map(str, OLDEST))

_OK, _UNAUTHENTICATED = 200, 401


class UnsupportedProduct(Refusal):
    """The server is no Elasticsearch that can be served. The text names it, and the alternative."""


@dataclass(frozen=True)
class Product:
    """A product by its answer to `GET /`. `version` may be empty."""

    name: str
    version: str = ""

    @property
    def problem(self) -> tuple[str, str] | None:
        """Why it cannot be served, and the alternative; `None` for a version of Elasticsearch that can."""
        if self.name == OPENSEARCH:
            return (
                f"this is OpenSearch {self.version}".rstrip() + ", which does not have Elasticsearch's security API",
                f"es-access needs Elasticsearch {_OLDEST} or newer, with security enabled.",
            )
        if self.name == SERVERLESS:
            return (
                "this is Elastic Cloud Serverless, which has no native users and no role mappings",
                "es-access needs a deployment of Elastic Cloud Hosted, or Elasticsearch of your own.",
            )
        numbers = _MAJOR_AND_MINOR.match(self.version)
        if numbers is not None and (int(numbers[1]), int(numbers[2])) < OLDEST:
            return f"this is Elasticsearch {self.version}", f"es-access needs {_OLDEST} or newer: upgrade the cluster."
        return None


def read_product(client: Elasticsearch) -> Product | None:
    """The product by `GET /`; `None` if it is not known, since some nodes and proxies do not answer that.

    Raises `TransportError` without a connection.
    """
    # Not `client.info()`: it raises one error for all products that it does not know, and version 7 refuses its type.
    answer = client.transport.perform_request(
        "GET", "/", headers={"accept": "application/json"}, max_retries=0, request_timeout=TIMEOUT_SECONDS
    )
    return product_of(answer)


def product_of(answer: TransportApiResponse) -> Product | None:
    """The product that an answer to `GET /` is from."""
    if answer.meta.status == _UNAUTHENTICATED:
        return _refuses(answer)
    return _described(answer.body) if answer.meta.status == _OK else None


def _refuses(answer: TransportApiResponse) -> Product | None:
    if _SERVERLESS_HOST.search(answer.meta.node.host):
        return Product(SERVERLESS)
    # The realm that OpenSearch's security plugin names.
    realm = answer.meta.headers.get("www-authenticate") or ""
    return Product(OPENSEARCH) if "opensearch" in realm.lower() else None


def _described(body: Any) -> Product | None:
    if isinstance(body, str | bytes):  # of another media type
        try:
            body = json.loads(body)
        except ValueError:
            return None
    version = body.get("version") if isinstance(body, Mapping) else None
    if not isinstance(version, Mapping):
        return None
    number = version.get("number")
    number = number if isinstance(number, str) and _NUMBER.fullmatch(number) else ""
    if version.get("distribution") == OPENSEARCH:
        return Product(OPENSEARCH, number)
    if version.get("build_flavor") == SERVERLESS:
        return Product(SERVERLESS, number)
    return Product("elasticsearch", number)


def check_product(client: Elasticsearch) -> None:
    """Raises `UnsupportedProduct` for a product that cannot be served, and `Outage`."""
    with domain_errors():
        found = read_product(client)
    if found is not None and found.problem is not None:
        raise UnsupportedProduct(". ".join(found.problem).removesuffix("."))
