"""Checks how the connector signs in, if not with a password: an API key that ends soon ends everything."""

from datetime import UTC, datetime, timedelta
from typing import Any

from elasticsearch import Elasticsearch

from bot.access.errors import Outage, Refusal
from bot.checks.report import Report
from bot.cluster.client import ClusterConnection, ask

SOON = timedelta(days=14)
"""Time enough to make another key."""


def check_sign_in(
    report: Report, client: Elasticsearch, connection: ClusterConnection, account: dict[str, Any]
) -> None:
    """Reports on an API key or a client certificate. `account` is the cluster's answer about the signed-in account."""
    if connection.api_key is not None:
        _check_key(report, client, account.get("api_key", {}))
    elif connection.by_certificate_alone:
        realm = account.get("authentication_realm", {}).get("name")
        report.ok(f"sign-in: by client certificate, as {account.get('username')} of the realm {realm}")
    elif connection.client_certificate is not None:
        report.ok(f"sign-in: with user and password, and the client certificate {connection.client_certificate}")


def _check_key(report: Report, client: Elasticsearch, key: dict[str, Any]) -> None:
    named = f"sign-in: by the API key {key.get('name')} ({key.get('id')})"
    try:
        found = ask(client, lambda: client.security.get_api_key(id=str(key.get("id")))).get("api_keys", [])
    except (Outage, Refusal):
        found = []
    if not found:
        report.ok(named)
    elif found[0].get("expiration") is None:
        report.ok(f"{named}, which has no end")
    else:
        end = datetime.fromtimestamp(found[0]["expiration"] / 1000, UTC)
        if end - datetime.now(UTC) > SOON:
            report.ok(f"{named}, until {end:%Y-%m-%d}")
        else:
            report.warn(
                f"{named}, which ends on {end:%Y-%m-%d} at {end:%H:%M} UTC",
                "Make another one in time: when it has ended, no access can be given, and none ended.",
            )
