"""Whether the cluster answers, what the connector account may do in it, and whether both clocks agree."""

import json
import socket
import ssl
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from elastic_transport import ConnectionTimeout, TlsError
from elasticsearch import ApiError, Elasticsearch, TransportError, UnsupportedProductError

from bot.access.errors import Outage, Refusal
from bot.access.ports import Clock
from bot.checks.configuration import Configuration
from bot.checks.report import Report
from bot.cluster.client import TIMEOUT_SECONDS, ask, connect
from bot.cluster.connector import CLUSTER_PRIVILEGES, ROLE, read_privileges
from bot.settings import Settings

ACCOUNT = "es-access-connector"
"""What the README calls the connector account, and its role."""

CLOCKS_APART = timedelta(seconds=60)
"""The shortest access is a minute: with more between the clocks, times that people read are wrong by that much."""

NEEDED = (
    "ELASTICSEARCH_URL",
    "ELASTICSEARCH_CLOUD_ID",
    "ELASTICSEARCH_USERNAME",
    "ELASTICSEARCH_PASSWORD",
    "ELASTICSEARCH_CA_CERTS",
)

_PUT_ROLE = f"PUT /_security/role/{ACCOUNT} {json.dumps(ROLE)}"
_AS_ADMINISTRATOR = "As an administrator, in Kibana > Dev Tools:"

_UNAUTHENTICATED = 401
_FORBIDDEN = 403


def check_cluster(report: Report, configuration: Configuration, clock: Clock) -> None:
    """Lines for the connection, the privileges and the clocks."""
    lacks = configuration.lacks(*NEEDED)
    if lacks:
        report.skip("cluster", lacks)
        return
    client = _client(report, configuration.settings)
    if client is None:
        return
    try:
        account = _check_connection(report, client, configuration.settings)
        if account is not None:
            _check_privileges(report, client, account)
            check_clocks(report, client, clock)
    finally:
        client.close()


def _client(report: Report, settings: Settings) -> Elasticsearch | None:
    wrong = _wrong_certificates(settings.elasticsearch_ca_certs)
    if wrong:
        report.fail(*wrong)
        return None
    try:
        return connect(settings.connection)
    except ValueError:
        if settings.elasticsearch_ca_certs and (settings.elasticsearch_url or "").startswith("http:"):
            to_do = "Begin it with https://, or take ELASTICSEARCH_CA_CERTS away."
        else:
            to_do = "Write it with the port: https://HOST:9200, in Elastic Cloud https://HOST:443"
        report.fail("cluster: ELASTICSEARCH_URL cannot be used as it is", to_do)
        return None


def _wrong_certificates(file: Path | None) -> tuple[str, str] | None:
    if file is None:
        return None
    try:
        ssl.create_default_context(cafile=str(file))
    except ssl.SSLError:
        return (
            f"cluster: there is no certificate in {file}",
            "ELASTICSEARCH_CA_CERTS names a PEM file, with lines like -----BEGIN CERTIFICATE-----",
        )
    except OSError as error:
        return f"cluster: {file} cannot be read: {error.strerror}", f"Let this user read it: chmod a+r '{file}'"
    return None


def _check_connection(report: Report, client: Elasticsearch, settings: Settings) -> dict[str, Any] | None:
    """What the cluster says about the account; `None` when it says nothing."""
    where = settings.elasticsearch_url or "Elastic Cloud"
    try:
        account = dict(client.security.authenticate().body)
    except UnsupportedProductError:  # an `ApiError` as well
        report.fail(f"cluster: what answers at {where} is not Elasticsearch", "Correct ELASTICSEARCH_URL.")
    except ApiError as error:
        report.fail(*_refused(error, settings.elasticsearch_username))
    except TransportError as error:
        report.fail(*_unreachable(error, where, settings.elasticsearch_ca_certs))
    else:
        report.ok(f"cluster: {_version(client)} answers at {where}")
        return account
    return None


def _refused(error: ApiError, username: str) -> tuple[str, ...]:
    status = error.status_code
    if status == _UNAUTHENTICATED:
        return (
            f"cluster: it does not take the password of {username} (401)",
            "Correct ELASTICSEARCH_USERNAME and ELASTICSEARCH_PASSWORD. If there is no such account yet:",
            _AS_ADMINISTRATOR,
            _PUT_ROLE,
            f'PUT /_security/user/{ACCOUNT} {{"password": "A LONG PASSWORD", "roles": ["{ACCOUNT}"]}}',
        )
    if "no handler found" in str(error.body):
        return (
            "cluster: its security is off, so there is nothing to give access to",
            "Set xpack.security.enabled: true in elasticsearch.yml of each node, and restart them.",
        )
    return (
        f"cluster: it answers with an error ({status})",
        "See the log of Elasticsearch, or of the proxy before it, and run `bot check` again.",
    )


def _unreachable(error: TransportError, where: str, ca_certs: Path | None) -> tuple[str, str]:
    causes = list(_causes(error))
    if isinstance(error, TlsError):
        return _tls_problem(str(error.message), where, ca_certs)
    if isinstance(error, ConnectionTimeout):
        return (
            f"cluster: no answer from {where} in {TIMEOUT_SECONDS} s",
            "Check the firewall between this machine and the cluster, and that the cluster is well.",
        )
    if any(isinstance(cause, socket.gaierror) for cause in causes):
        return f"cluster: the host of {where} is not known (DNS)", "Correct the host name in ELASTICSEARCH_URL."
    if any(isinstance(cause, ConnectionRefusedError) for cause in causes):
        return (
            f"cluster: nothing listens at {where} (connection refused)",
            "Start Elasticsearch, or correct host and port in ELASTICSEARCH_URL.",
        )
    return (
        f"cluster: {where} breaks the connection ({type(causes[-1]).__name__})",
        "If the cluster uses TLS, ELASTICSEARCH_URL has to begin with https://",
    )


def _tls_problem(said: str, where: str, ca_certs: Path | None) -> tuple[str, str]:
    if "WRONG_VERSION_NUMBER" in said or "RECORD_LAYER_FAILURE" in said:
        return f"cluster: {where} does not speak TLS", "Begin ELASTICSEARCH_URL with http://"
    if "mismatch" in said:
        return (
            f"cluster: the certificate of {where} is for another host",
            "Write a host name that the certificate names into ELASTICSEARCH_URL.",
        )
    if "expired" in said:
        return f"cluster: the certificate of {where} has expired", "Renew it in the cluster."
    if "CERTIFICATE_VERIFY_FAILED" in said:
        to_do = f"It is not signed by what is in {ca_certs}. " if ca_certs else ""
        return (
            f"cluster: the certificate of {where} is not trusted",
            f"{to_do}Copy the cluster's config/certs/http_ca.crt here and name it: ELASTICSEARCH_CA_CERTS=http_ca.crt",
        )
    return f"cluster: TLS with {where} fails", "Check ELASTICSEARCH_URL and ELASTICSEARCH_CA_CERTS."


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def _version(client: Elasticsearch) -> str:
    # GET / would say it as well, and not every node answers that.
    try:
        answer = ask(lambda: client.nodes.info(node_id="_local", metric="http", filter_path="nodes.*.version"))
    except (Outage, Refusal):
        return "Elasticsearch"
    versions = [node["version"] for node in answer.get("nodes", {}).values()]
    return f"Elasticsearch {versions[0]}" if versions else "Elasticsearch"


def _check_privileges(report: Report, client: Elasticsearch, account: dict[str, Any]) -> None:
    try:
        found = read_privileges(client)
    except (Outage, Refusal) as error:
        report.fail(f"connector account: {error}", "Run `bot check` again when the cluster is well.")
        return
    if found.missing:
        report.fail(
            f"connector account: {found.username} lacks {', '.join(found.missing)}",
            _AS_ADMINISTRATOR,
            _PUT_ROLE,
            *_give_role(account),
        )
    elif found.too_much:
        report.warn(
            f"connector account: {found.username} may do anything in the cluster; it works, and is more than needed",
            f"{_AS_ADMINISTRATOR} make an account with no more than this role:",
            _PUT_ROLE,
        )
    else:
        has = ", ".join((*CLUSTER_PRIVILEGES, "index monitor"))
        report.ok(f"connector account: {found.username} has what it needs ({has})")


def _give_role(account: dict[str, Any]) -> tuple[str, ...]:
    roles = list(account.get("roles", []))
    if ACCOUNT in roles:
        return ()
    realm = account.get("authentication_realm", {})
    if realm.get("type") != "native":
        return (f"Then give that role to {account['username']} where it is kept: realm {realm.get('name')}.",)
    # With the roles that it has: the call replaces them. Without a password it keeps the one it has.
    return (f"PUT /_security/user/{account['username']} {json.dumps({'roles': [*roles, ACCOUNT]})}",)


def check_clocks(report: Report, client: Elasticsearch, clock: Clock) -> None:
    """Compares this machine's clock with the node's own. A `Date` header would be a proxy's, where there is one."""
    try:
        answer = ask(lambda: client.nodes.stats(node_id="_local", metric="http", filter_path="nodes.*.timestamp"))
    except (Outage, Refusal):
        report.skip("clocks", "the cluster does not tell its time to this account")
        return
    times = [node["timestamp"] for node in answer.get("nodes", {}).values()]
    if not times:
        report.skip("clocks", "the cluster does not tell its time")
        return
    apart = abs(clock.now() - datetime.fromtimestamp(times[0] / 1000, UTC))
    if apart > CLOCKS_APART:
        report.warn(
            f"clocks: this machine and the cluster are {apart.total_seconds():.0f} s apart",
            "Let both set their clock over the network: timedatectl set-ntp true",
        )
    else:
        report.ok("clocks: this machine and the cluster agree")
