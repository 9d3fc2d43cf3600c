"""Checks that the connector account can reach a cluster, and explains why not."""

import json
import socket
import ssl
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from elastic_transport import ConnectionTimeout, TlsError
from elasticsearch import ApiError, Elasticsearch, TransportError, UnsupportedProductError
from urllib3.util.ssl_match_hostname import CertificateError

from bot.access.errors import Outage, Refusal
from bot.access.policy.model import Integration
from bot.checks.configuration import Setup
from bot.checks.report import Report
from bot.cluster.client import TIMEOUT_SECONDS, ClusterConnection, ask
from bot.cluster.connection.product import read_product
from bot.cluster.connector.privileges import ROLE
from bot.network.failures import causes_of, failure_of
from bot.network.forward_proxy import ForwardProxy, forward_proxy

ACCOUNT = "es-access-connector"
"""The name of the connector account and its role in the README."""

PUT_ROLE = (f"PUT /_security/role/{ACCOUNT}", json.dumps(ROLE))
"""The lines of a call. Kibana reads the whole first line as the path, so the body has one of its own."""
AS_ADMINISTRATOR = "As an administrator, in Kibana > Dev Tools:"


_BAD_REQUEST = 400
_UNAUTHENTICATED = 401
_FORBIDDEN = 403
_PROXY_ASKS = 407

_NO_TLS = frozenset({"WRONG_VERSION_NUMBER", "RECORD_LAYER_FAILURE"})
"""OpenSSL's reasons when what answers is no TLS record; the second is the name since OpenSSL 3.2."""

_EXPIRED = 10
_OTHER_HOST = frozenset({62, 64})
"""OpenSSL's codes for a certificate that is not accepted: `X509_V_ERR_…` `CERT_HAS_EXPIRED`, `HOSTNAME_MISMATCH` and
`IP_ADDRESS_MISMATCH` ("X509_STORE_CTX_get_error", OpenSSL)."""


@dataclass(frozen=True)
class Target:
    """The cluster of one integration, and the names of its settings."""

    setup: Setup
    integration: Integration
    connection: ClusterConnection

    @property
    def where(self) -> str:
        """The address, for people."""
        return self.integration.public_url if self.connection.url is None else self.connection.url

    @property
    def url(self) -> str:
        """The setting of the address."""
        variable = "ELASTICSEARCH_URL" if self.connection.cloud_id is None else "ELASTICSEARCH_CLOUD_ID"
        return self.setup.setting_name(variable, self.integration)

    @property
    def ca_certs(self) -> str:
        """The setting of the trusted certificates."""
        return self.setup.setting_name("ELASTICSEARCH_CA_CERTS", self.integration)

    @property
    def credentials(self) -> str:
        """The settings of user and password, or of what takes their place."""
        if self.connection.api_key is not None:
            return self.setup.setting_name("ELASTICSEARCH_API_KEY", self.integration)
        if self.connection.by_certificate_alone:
            return self.setup.setting_name("ELASTICSEARCH_CLIENT_CERTIFICATE", self.integration)
        username = self.setup.setting_name("ELASTICSEARCH_USERNAME", self.integration)
        password = self.setup.setting_name("ELASTICSEARCH_PASSWORD", self.integration)
        return f"{username} and {password if self.setup.file is None else 'the variable that its password names'}"


def open_client(
    report: Report, target: Target, connect: Callable[[ClusterConnection], Elasticsearch]
) -> Elasticsearch | None:
    """A client that has made no call yet. Reports why there is none, and returns `None`."""
    wrong = target.connection.wrong_file()
    if wrong:
        setting = target.setup.setting_name(f"ELASTICSEARCH_{wrong.setting}".upper(), target.integration)
        report.fail(f"cluster: {wrong.problem}", f"{setting}: {wrong.to_do}")
        return None
    try:
        return connect(target.connection)
    except (Outage, Refusal):
        report.skip("cluster", "needs the connector account's password, see above")
        return None
    except ValueError:
        report.fail(
            f"cluster: {target.url} cannot be used as it is",
            "Write it with the port: https://HOST:9200, in Elastic Cloud https://HOST:443",
        )
        return None


def check_connection(report: Report, client: Elasticsearch, target: Target) -> dict[str, Any] | None:
    """Reports on the connection. Returns the cluster's information about the account; `None` without a connection."""
    try:
        if _is_unsupported(report, client):
            return None
        account = dict(client.security.authenticate().body)
    except UnsupportedProductError:  # an `ApiError` as well
        report.fail(f"cluster: what answers at {target.where} is not Elasticsearch", f"Correct {target.url}.")
    except ApiError as error:
        report.fail(*_refused(error, target))
    except TransportError as error:
        report.fail(*_unreachable(error, target))
    else:
        report.ok(f"cluster: {_version(client)} answers at {target.where}")
        return account
    return None


def _is_unsupported(report: Report, client: Elasticsearch) -> bool:
    """Reports a product or a version that cannot be served, by name. Raises `TransportError`."""
    product = read_product(client)
    if product is None or product.problem is None:
        return False
    what, way = product.problem
    report.fail(f"cluster: {what}", way)
    return True


def _refused(error: ApiError, target: Target) -> tuple[str, ...]:
    status = error.status_code
    if status == _UNAUTHENTICATED and target.connection.api_key is not None:
        return (
            "cluster: it does not take the API key (401): it is wrong, has expired or was invalidated",
            f"Put a new one into {target.credentials}. {AS_ADMINISTRATOR}",
            "POST /_security/api_key",
            json.dumps({"name": ACCOUNT, "role_descriptors": {ACCOUNT: ROLE}}),
            "The value is “encoded” in the answer.",
        )
    if status == _UNAUTHENTICATED and target.connection.by_certificate_alone:
        return (
            "cluster: it does not sign anybody in by the client certificate alone (401)",
            "It needs a PKI realm that trusts its issuer, and xpack.security.http.ssl.client_authentication in"
            " elasticsearch.yml. Otherwise set user and password, or an API key, as well.",
        )
    if status == _UNAUTHENTICATED:
        return (
            f"cluster: it does not take the password of {target.connection.username} (401)",
            f"Correct {target.credentials}. If there is no such account yet:",
            AS_ADMINISTRATOR,
            *PUT_ROLE,
            f"PUT /_security/user/{ACCOUNT}",
            json.dumps({"password": "A LONG PASSWORD", "roles": [ACCOUNT]}),
        )
    if status == _PROXY_ASKS:
        return f"cluster: a proxy on the way to {target.where} asks for a user and password (407)", _correct(
            forward_proxy(target.where)
        )
    if _is_unknown_path(error):
        return (
            "cluster: its security is off, so there is nothing to give access to",
            "Set xpack.security.enabled: true in elasticsearch.yml of each node, and restart them.",
        )
    return (
        f"cluster: it answers with an error ({status})",
        "See the log of Elasticsearch, or of the proxy before it, and run `bot check` again.",
    )


def _is_unknown_path(error: ApiError) -> bool:
    """Whether Elasticsearch has no such call, as without security.

    Every other error of its own is an object with a type; this one is a bare sentence (measured on 9.5).
    """
    body = error.body
    bare = isinstance(body, Mapping) and isinstance(body.get("error"), str)
    return error.status_code == _BAD_REQUEST and bare and "x-elastic-product" in error.meta.headers


def _unreachable(error: TransportError, target: Target) -> tuple[str, str]:
    where = target.where
    proxy = forward_proxy(where)
    failure = failure_of(error, proxy)
    if failure.at_proxy:
        return f"cluster: no way to {where}: {failure.sentence(proxy)}", _correct(proxy)
    causes = list(causes_of(error))
    if isinstance(error, TlsError):
        return _tls_problem(causes, target)
    if isinstance(error, ConnectionTimeout):
        return (
            f"cluster: no answer from {where} in {TIMEOUT_SECONDS} s",
            "Check the firewall between this machine and the cluster, and that the cluster is well.",
        )
    if any(isinstance(cause, socket.gaierror) for cause in causes):
        return f"cluster: the host of {where} is not known (DNS)", f"Correct the host name in {target.url}."
    if any(isinstance(cause, ConnectionRefusedError) for cause in causes):
        return (
            f"cluster: nothing listens at {where} (connection refused)",
            f"Start Elasticsearch, or correct host and port in {target.url}.",
        )
    return (
        f"cluster: {where} breaks the connection ({type(causes[-1]).__name__})",
        f"If the cluster uses TLS, {target.url} has to begin with https://",
    )


def _correct(proxy: ForwardProxy | None) -> str:
    if proxy is None:
        return "Let it pass es-access, or write the address of the cluster itself."
    return f"Correct {proxy.variable}, or name the host in NO_PROXY if no proxy is needed."


def _tls_problem(causes: Sequence[BaseException], target: Target) -> tuple[str, str]:
    where, ca_certs = target.where, target.connection.ca_certs
    reasons = {each.reason for each in causes if isinstance(each, ssl.SSLError)}
    codes = {each.verify_code for each in causes if isinstance(each, ssl.SSLCertVerificationError)}
    if reasons & _NO_TLS:
        return f"cluster: {where} does not speak TLS", f"Begin {target.url} with http://"
    if codes & _OTHER_HOST or any(isinstance(each, CertificateError) for each in causes):
        return (
            f"cluster: the certificate of {where} is for another host",
            f"Write a host name that the certificate names into {target.url}.",
        )
    if _EXPIRED in codes:
        return f"cluster: the certificate of {where} has expired", "Renew it in the cluster."
    if codes:
        to_do = f"It is not signed by what is in {ca_certs}. " if ca_certs else ""
        name_it = f"{target.ca_certs}{'=' if target.setup.file is None else ': '}http_ca.crt"
        return (
            f"cluster: the certificate of {where} is not trusted",
            f"{to_do}Copy the cluster's config/certs/http_ca.crt here and name it: {name_it}",
        )
    return f"cluster: TLS with {where} fails", f"Check {target.url} and {target.ca_certs}."


def _version(client: Elasticsearch) -> str:
    # Not every node answers GET /, which has it as well.
    try:
        answer = ask(client, lambda: client.nodes.info(node_id="_local", metric="http", filter_path="nodes.*.version"))
    except (Outage, Refusal):
        return "Elasticsearch"
    versions = [node["version"] for node in answer.get("nodes", {}).values()]
    return f"Elasticsearch {versions[0]}" if versions else "Elasticsearch"
