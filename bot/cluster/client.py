"""The connection to one cluster. Maps its errors to the domain's."""

import re
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from elastic_transport import ApiResponseMeta, NodeConfig, ObjectApiResponse
from elastic_transport.client_utils import url_to_node_config
from elasticsearch import ApiError, AuthenticationException, Elasticsearch, NotFoundError, TransportError
from pydantic import SecretStr

from bot.access.call_failures import OnFailure, ignore_failure, reported
from bot.access.errors import Outage, Refusal
from bot.cluster.connector.password import ConnectorPassword, ConnectorTransport
from bot.secret_stores.store import SecretStore

TIMEOUT_SECONDS = 10
"""The timeout of one call. All calls are small: a cluster that takes longer is in trouble."""

CONNECTIONS = 32
"""Open connections: two for each worker of the cluster, since role and user are created in parallel."""

BAD_REQUEST = 400

_TRY_AGAIN = frozenset({401, 408, 429, 500, 502, 503, 504})
"""Status codes worth a retry. With 401 among them, a change of the connector password ends nobody's access."""

_TYPE = re.compile(r"[a-z_]{1,80}")
"""The form of Elasticsearch's error types. Anything else may be a whole page that repeats the request."""

_PRODUCT = ("x-elastic-product", "Elasticsearch")
"""The header by which Elasticsearch's clients recognize its answers."""


@dataclass(frozen=True)
class ClusterConnection:
    """How to reach one cluster with one account. Either `url` or `cloud_id` is set; an `api_key` replaces the user.

    With a `store`, `password` is empty: the password is read from the store when it is needed, and may change.
    """

    username: str
    password: SecretStr
    url: str | None = None
    cloud_id: str | None = None
    ca_certs: Path | None = None
    store: SecretStore | None = None
    api_key: SecretStr | None = None

    def sign_in(self) -> ConnectorPassword:
        """The present password. Raises `Outage`, `Refusal` if the secret store does."""
        password = self.password if self.store is None else self.store.read()
        return ConnectorPassword(self.username, password, self.store)


class BadRequest(Refusal):
    """Elasticsearch rejects the request with status 400."""


def node_at(url: str) -> NodeConfig:
    """The node at `url`, by default on the port of its scheme. Raises `ValueError` if that is no address."""
    return url_to_node_config(url, use_default_ports_for_scheme=True)


def connect(
    connection: ClusterConnection,
    password: ConnectorPassword | None = None,
    on_failure: OnFailure = ignore_failure,
) -> Elasticsearch:
    """A client without retries: a repeated create could leave an orphan behind.

    It signs in with the present secret of `password`. Raises `Outage`, `Refusal` if that has to be read and cannot.
    `ask` and `ask_if_exists` report failed calls to `on_failure`.
    """
    signed_in = password or connection.sign_in()
    extra: dict[str, Any] = {"ca_certs": str(connection.ca_certs)} if connection.ca_certs else {}
    client = Elasticsearch(
        hosts=None if connection.url is None else [node_at(connection.url)],
        cloud_id=connection.cloud_id,
        # The transport leaves calls with their own authorization alone.
        api_key=connection.api_key.get_secret_value() if connection.api_key else None,
        request_timeout=TIMEOUT_SECONDS,
        max_retries=0,
        connections_per_node=CONNECTIONS,
        transport_class=ConnectorTransport,
        **extra,
    )
    transport = client.transport
    if not isinstance(transport, ConnectorTransport):
        raise TypeError(type(transport).__name__)
    transport.password = signed_in
    transport.on_failure = on_failure
    return client


def ask(client: Elasticsearch, call: Callable[[], ObjectApiResponse[Any]]) -> dict[str, Any]:
    """Makes the call and returns the body. Raises `Outage`, `Refusal`; their text has no part of it, so no secret."""
    with _reported(client):
        with _domain_errors():
            answer = call()
        return _checked_body(answer)


def ask_if_exists(client: Elasticsearch, call: Callable[[], ObjectApiResponse[Any]]) -> dict[str, Any]:
    """Like `ask`, but returns an empty body if Elasticsearch itself answers 404. Raises `Outage`, `Refusal`."""
    with _reported(client):
        with _domain_errors():
            try:
                answer = call()
            except NotFoundError as error:
                if not _is_from_elasticsearch(error):
                    raise
                return {}
        return _checked_body(answer)


def ask_if_available(client: Elasticsearch, call: Callable[[], ObjectApiResponse[Any]]) -> dict[str, Any] | None:
    """Like `ask`, but returns `None` if the feature of the call is not in the cluster's licence or is turned off."""
    with _reported(client):
        with _domain_errors():
            try:
                answer = call()
            except ApiError as error:
                if not (_is_from_elasticsearch(error) and _lacks_feature(error)):
                    raise
                return None
        return _checked_body(answer)


def ask_authenticated(call: Callable[[], ObjectApiResponse[Any]]) -> bool:
    """Whether the cluster accepts the password of the call. Raises `Outage`, `Refusal`."""
    with _domain_errors():
        try:
            answer = call()
        except AuthenticationException as error:
            if not _is_from_elasticsearch(error):
                raise
            return False
    _checked_body(answer)
    return True


def _reported(client: Elasticsearch) -> AbstractContextManager[None]:
    transport = client.transport
    return reported("cluster", transport.on_failure if isinstance(transport, ConnectorTransport) else ignore_failure)


def _checked_body(answer: ObjectApiResponse[Any]) -> dict[str, Any]:
    # The client checks only its first answer. A sign-in page with status 200 confirms nothing.
    if not _has_product(answer.meta):
        raise _unknown_server(answer.meta.status)
    body: dict[str, Any] = answer.body
    return body


@contextmanager
def _domain_errors() -> Iterator[None]:
    try:
        yield
    except ApiError as error:
        if error.status_code in _TRY_AGAIN:
            raise Outage(_text(error), _retry_after(error)) from None
        if not _is_from_elasticsearch(error):
            raise _unknown_server(error.status_code) from None
        raise (BadRequest if error.status_code == BAD_REQUEST else Refusal)(_text(error)) from None
    except TransportError as error:
        raise Outage(f"Elasticsearch does not answer ({type(error).__name__})") from None


def _text(error: ApiError) -> str:
    kind = error.error if _TYPE.fullmatch(str(error.error)) else ""
    return f"Elasticsearch answered {error.status_code} {kind}".rstrip()


def _unknown_server(status: int) -> Outage:
    return Outage(f"what answers in place of Elasticsearch says {status}")


def _is_from_elasticsearch(error: ApiError) -> bool:
    """Whether the error is the cluster's own, and not of a proxy that cannot reach it.

    A load balancer without a backend answers 404 as well, which must not count as proof that a user is gone.
    Elasticsearch's answers 401 and 403 carry no product header (measured on 8.19 and 9.5).
    """
    return _has_product(error.meta) or error.error == "security_exception"


def _lacks_feature(error: ApiError) -> bool:
    """Whether the cluster names a feature that it does not have, in a field of its own (measured on 8.19 and 9.5)."""
    said = error.body.get("error") if isinstance(error.body, dict) else None
    return isinstance(said, dict) and any(said.get(field) for field in ("license.expired.feature", "disabled.feature"))


def _has_product(meta: ApiResponseMeta) -> bool:
    name, value = _PRODUCT
    return meta.headers.get(name) == value


def _retry_after(error: ApiError) -> float | None:
    named = error.meta.headers.get("retry-after") or ""
    return float(named) if named.isdecimal() else None
