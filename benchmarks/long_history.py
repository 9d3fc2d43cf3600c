"""A history of many events, generated in the database itself: a million rows in seconds instead of minutes."""

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, Engine, text

from bot.access.store.chain import GENESIS

EVENTS_OF_REQUEST = 4
"""Audit events of each request: filed, approved, delivered, ended."""

BUSY = "U0BUSY"
"""The person who has made a quarter of all requests."""

LIVE, PENDING = 200, 50
"""How many of the newest requests are live and pending, for every length of the history."""

EPOCH = int(datetime(2026, 1, 1, tzinfo=UTC).timestamp())
"""The time of the newest request, in Unix seconds. Each earlier one is a minute older."""


def fill(engine: Engine, events: int) -> None:
    """Inserts `events` audit events, and the requests, groups and grants that they refer to."""
    with engine.execution_options(writes=True).begin() as connection:
        for statement in _statements(connection, events):
            connection.execute(text(statement.replace(":", r"\:")))
    if engine.dialect.name == "postgresql":
        with engine.execution_options(isolation_level="AUTOCOMMIT").connect() as connection:
            connection.exec_driver_sql("ANALYZE")  # PostgreSQL does it by itself eventually; SQLite never does


def _statements(connection: Connection, events: int) -> list[str]:
    """The statements, portable except for the conversion of seconds to a time."""
    postgres = connection.dialect.name == "postgresql"

    def at(seconds: str) -> str:
        if postgres:
            return f"to_timestamp({seconds})"
        return f"strftime('%Y-%m-%d %H:%M:%S', {seconds}, 'unixepoch') || '.000000'"

    requests = events // EVENTS_OF_REQUEST
    made, identity = at(f"{EPOCH} - n * 60"), "'REQ-Y' || CAST(1000000 + n AS text)"
    live, pending = f"n < {LIVE}", f"(n >= {LIVE} AND n < {LIVE + PENDING})"
    who = f"CASE WHEN n % 4 = 0 THEN '{BUSY}' ELSE 'U0P' || CAST(n % 997 AS text) END"
    false = "false" if postgres else "0"
    numbers = f"WITH RECURSIVE number(n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM number WHERE n < {requests - 1})"
    # One statement for each table, without RETURNING or triggers: the database reads no row back.
    return [
        "CREATE TEMPORARY TABLE numbers (n integer)",
        f"INSERT INTO numbers {numbers} SELECT n FROM number",
        f"""INSERT INTO access_request (id, requester, integration, patterns, permission, duration, reason, owners,
            state, created_at, pending_until, decided_by, decision_reason, flow, any_group, automatic)
            SELECT {identity}, {who}, 'prod', '["logs-web-*", "metrics-*"]', 'read', 3600, 'fixing INC-42',
            '["U0OWNER"]', CASE WHEN {pending} THEN 'pending' ELSE 'approved' END, {made},
            {at(f"{EPOCH} + 864000 - n * 60")}, 'U0OWNER', '', 'all', {false}, {false} FROM numbers""",
        f"""INSERT INTO asked_group (request_id, label, owners, asked, approvals, resources, escalation)
            SELECT {identity}, '@owners', '["@owners"]', '["U0OWNER"]', 1, 2, {false} FROM numbers""",
        f"""INSERT INTO access_grant (id, username, state, created_at, expires_at, delivered_at, ended_at, end_reason,
            version, attempts) SELECT {identity}, 'es-access-y' || CAST(n AS text),
            CASE WHEN {live} THEN 'active' ELSE 'cleaned_up' END, {made}, {at(f"{EPOCH} + 3600 - n * 60")}, {made},
            CASE WHEN {live} THEN NULL ELSE {at(f"{EPOCH} + 3600 - n * 60")} END, 'expired', 4, 0
            FROM numbers WHERE NOT {pending}""",
        *(_events(number, event, at, requests, identity) for number, event in enumerate(_EVENTS)),
        "DROP TABLE numbers",
    ]


_EVENTS = ("request.pending", "request.approved", "grant.active", "grant.revoked")


def _events(number: int, event: str, at: Any, requests: int, identity: str) -> str:
    # The oldest request has the first events, since positions in the chain grow with time.
    place = f"({requests - 1} - n) * {EVENTS_OF_REQUEST} + {number + 1}"
    return f"""INSERT INTO audit_event (at, event, request_id, actor, detail, sequence, previous, hash)
        SELECT {at(f"{EPOCH} - n * 60 + {number}")}, '{event}', {identity}, 'U0OWNER', '{{}}', {place},
        '{GENESIS}', '{GENESIS}' FROM numbers"""
