"""The connection to one cluster, and its errors in the domain's terms."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from elasticsearch import ApiError, Elasticsearch, TransportError
from pydantic import SecretStr

from bot.access.errors import Outage, Refusal

TIMEOUT_SECONDS = 10
"""For one call. All calls of the application are small: one that takes longer is a cluster in trouble."""

CONNECTIONS = 32
"""Kept open: as many as there are workers for the cluster, twice, since role and user are made side by side."""

_TRY_AGAIN = frozenset({401, 408, 429, 500, 502, 503, 504})
"""401 too: a connector password that is being changed must not end anybody's access."""


@dataclass(frozen=True)
class Connection:
    """How to reach one cluster as the connector account. Either `url` or `cloud_id` is set."""

    username: str
    password: SecretStr
    url: str | None = None
    cloud_id: str | None = None
    ca_certs: Path | None = None


def connect(connection: Connection) -> Elasticsearch:
    """A client that does not retry by itself: a create that is sent twice could leave an orphan behind."""
    extra: dict[str, Any] = {"ca_certs": str(connection.ca_certs)} if connection.ca_certs else {}
    return Elasticsearch(
        hosts=connection.url,
        cloud_id=connection.cloud_id,
        basic_auth=(connection.username, connection.password.get_secret_value()),
        request_timeout=TIMEOUT_SECONDS,
        max_retries=0,
        connections_per_node=CONNECTIONS,
        **extra,
    )


@contextmanager
def domain_errors() -> Iterator[None]:
    """Turns the client's errors into `Outage` and `Refusal`. Their text names no body, so no secret is in it."""
    try:
        yield
    except ApiError as error:
        text = f"Elasticsearch answered {error.status_code} {error.error}"
        if error.status_code in _TRY_AGAIN:
            raise Outage(text, _retry_after(error)) from None
        raise Refusal(text) from None
    except TransportError as error:
        raise Outage(f"Elasticsearch does not answer ({type(error).__name__})") from None


def _retry_after(error: ApiError) -> float | None:
    named = error.meta.headers.get("retry-after") or ""
    return float(named) if named.isdecimal() else None
