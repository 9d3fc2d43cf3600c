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
from bot.access.calls.gate import Gate
from bot.access.errors import Outage, Refusal
from bot.cluster.connection.node import ClusterNode
from bot.cluster.connection.tls_files import WrongFile, wrong_file
from bot.cluster.connector.password import ConnectorCertificate, ConnectorKey, ConnectorPassword, ConnectorTransport
from bot.network.failures import failure_of
from bot.secret_stores.store import SecretStore

TIMEOUT_SECONDS = 10
"""The timeout of one call. All calls are small: a cluster that takes longer is in trouble."""

CONNECTIONS = 32
"""Open connections: two for each worker of the cluster, since role and user are created in parallel."""

BAD_REQUEST, PROXY_ASKS = 400, 407

_TRY_AGAIN = frozenset({401, 408, 429, 500, 502, 503, 504})
"""Status codes worth a retry. With 401 among them, a change of the connector password ends nobody's access."""

_NOT_DONE = frozenset({401, 429})
"""Those of them that say that the call was not made."""

_REFUSED = frozenset({401, 403})
_BROKEN_ROLE = 500

_TYPE = re.compile(r"[a-z_]{1,80}")
"""The form of Elasticsearch's error types. Anything else may be a whole page that repeats the request."""

_PRODUCT = ("x-elastic-product", "Elasticsearch")
"""The header by which Elasticsearch's clients recognize its answers."""


@dataclass(frozen=True)
class ClusterConnection:
    """How to reach one cluster with one account. Either `url` or `cloud_id` is set.

    The account signs in with `username` and `password`, or with an `api_key`, or with its client certificate alone.
    With a `store`, `password` and `api_key` are empty: the secret is read from the store, and may change.
    """

    username: str
    password: SecretStr
    url: str | None = None
    cloud_id: str | None = None
    ca_certs: Path | None = None
    store: SecretStore | None = None
    api_key: SecretStr | None = None
    client_certificate: Path | None = None
    client_key: Path | None = None

    @property
    def by_certificate_alone(self) -> bool:
        """Whether there is neither a password nor an API key."""
        return self.api_key is None and not self.username

    @property
    def rotatable(self) -> bool:
        """Whether the account has a password that can be changed."""
        return self.api_key is None and not self.by_certificate_alone

    def wrong_file(self) -> WrongFile | None:
        """The first file of the connection that cannot be used."""
        return wrong_file(self.ca_certs, self.client_certificate, self.client_key)

    def sign_in(self) -> ConnectorPassword:
        """The present password, key or certificate. Raises `Outage`, `Refusal` if the secret store does."""
        if self.api_key is not None:
            return ConnectorKey(self.api_key if self.store is None else self.store.read(), self.store)
        if self.by_certificate_alone:
            return ConnectorCertificate()
        password = self.password if self.store is None else self.store.read()
        return ConnectorPassword(self.username, password, self.store)


class Unaccepted(Exception):
    """The cluster does not take the call's own credential. `may_pass`: another node may not know it yet."""

    def __init__(self, text: str, *, may_pass: bool) -> None:
        super().__init__(text)
        self.may_pass = may_pass


class BadRequest(Refusal):
    """Elasticsearch rejects the request with status 400."""


def node_at(url: str) -> NodeConfig:
    """The node at `url`, by default on the port of its scheme. Raises `ValueError` if that is no address."""
    return url_to_node_config(url, use_default_ports_for_scheme=True)


def connect(
    connection: ClusterConnection,
    password: ConnectorPassword | None = None,
    on_failure: OnFailure = ignore_failure,
    gate: Gate | None = None,
) -> Elasticsearch:
    """A client without retries: a repeated create could leave an orphan behind.

    It signs in with the present secret of `password`. Raises `Outage`, `Refusal` if that has to be read and cannot.
    `ask` and `ask_if_exists` report failed calls to `on_failure`. Every call passes `gate`.
    """
    signed_in = password or connection.sign_in()
    files = {
        "ca_certs": connection.ca_certs,
        "client_cert": connection.client_certificate,
        "client_key": connection.client_key,
    }
    extra: dict[str, Any] = {name: str(file) for name, file in files.items() if file is not None}
    client = Elasticsearch(
        hosts=None if connection.url is None else [node_at(connection.url)],
        cloud_id=connection.cloud_id,
        request_timeout=TIMEOUT_SECONDS,
        max_retries=0,
        connections_per_node=CONNECTIONS,
        transport_class=ConnectorTransport,
        node_class=ClusterNode,
        **extra,
    )
    transport = client.transport
    if not isinstance(transport, ConnectorTransport):
        raise TypeError(type(transport).__name__)
    transport.password = signed_in
    transport.on_failure = on_failure
    transport.gate = gate or Gate("Elasticsearch")
    return client


def ask(
    client: Elasticsearch, call: Callable[[], ObjectApiResponse[Any]], lost: type[Outage] = Outage
) -> dict[str, Any]:
    """Makes the call and returns the body. Raises `Outage`, `Refusal`; their text has no part of it, so no secret.

    `lost` is the outage to raise if the call may still take effect.
    """
    with _reported(client):
        with domain_errors(lost):
            answer = call()
        return _checked_body(answer, lost)


def ask_if_exists(
    client: Elasticsearch, call: Callable[[], ObjectApiResponse[Any]], lost: type[Outage] = Outage
) -> dict[str, Any]:
    """Like `ask`, but returns an empty body if Elasticsearch itself answers 404. Raises `Outage`, `Refusal`."""
    with _reported(client):
        with domain_errors(lost):
            try:
                answer = call()
            except NotFoundError as error:
                if not _is_from_elasticsearch(error):
                    raise
                return {}
        return _checked_body(answer, lost)


def ask_if_available(client: Elasticsearch, call: Callable[[], ObjectApiResponse[Any]]) -> dict[str, Any] | None:
    """Like `ask`, but returns `None` if the feature of the call is not in the cluster's licence or is turned off."""
    with _reported(client):
        with domain_errors():
            try:
                answer = call()
            except ApiError as error:
                if not (_is_from_elasticsearch(error) and _lacks_feature(error)):
                    raise
                return None
        return _checked_body(answer)


def ask_authenticated(call: Callable[[], ObjectApiResponse[Any]]) -> bool:
    """Whether the cluster accepts the password of the call. Raises `Outage`, `Refusal`."""
    with domain_errors():
        try:
            answer = call()
        except AuthenticationException as error:
            if not _is_from_elasticsearch(error):
                raise
            return False
    _checked_body(answer)
    return True


def ask_as_user(client: Elasticsearch, call: Callable[[], ObjectApiResponse[Any]]) -> dict[str, Any]:
    """Like `ask`, for a call with a credential of its own. Raises `Unaccepted`, `Outage`, `Refusal`.

    A role that is too complex makes every call a 500 with the type `security_exception` (measured on 8.19 and 9.5).
    """
    with _reported(client):
        with domain_errors():
            try:
                answer = call()
            except ApiError as error:
                broken = error.status_code == _BROKEN_ROLE and error.error == "security_exception"
                if broken or error.status_code in _REFUSED:
                    raise Unaccepted(_text(error), may_pass=not broken) from None
                raise
        return _checked_body(answer)


def _reported(client: Elasticsearch) -> AbstractContextManager[None]:
    transport = client.transport
    return reported("cluster", transport.on_failure if isinstance(transport, ConnectorTransport) else ignore_failure)


def _checked_body(answer: ObjectApiResponse[Any], lost: type[Outage] = Outage) -> dict[str, Any]:
    # The client checks only its first answer. A sign-in page with status 200 confirms nothing.
    if not _has_product(answer.meta):
        raise _unknown_server(answer.meta.status, lost)
    body: dict[str, Any] = answer.body
    return body


@contextmanager
def domain_errors(lost: type[Outage] = Outage) -> Iterator[None]:
    """Turns the client's errors into `Outage` and `Refusal`, whose text has no part of an answer."""
    try:
        yield
    except ApiError as error:
        if error.status_code in _TRY_AGAIN:
            kind = Outage if error.status_code in _NOT_DONE else lost
            raise kind(_text(error), _retry_after(error)) from None
        if not _is_from_elasticsearch(error):
            raise _unknown_server(error.status_code, lost) from None
        raise (BadRequest if error.status_code == BAD_REQUEST else Refusal)(_text(error)) from None
    except TransportError as error:
        raise lost(f"Elasticsearch does not answer: {failure_of(error, None).sentence(None)}") from None


def _text(error: ApiError) -> str:
    kind = error.error if _TYPE.fullmatch(str(error.error)) else ""
    return f"Elasticsearch answered {error.status_code} {kind}".rstrip()


def _unknown_server(status: int, lost: type[Outage]) -> Outage:
    if status == PROXY_ASKS:
        return lost(
            "Elasticsearch does not answer: a forward proxy asks for a user and password, or refuses them (407)"
        )
    return lost(f"what answers in place of Elasticsearch says {status}")


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
