"""The audit trail as a chain: each event has its position, the hash of the previous event and its own.

Older events are chained in the order of their ids. Also the position up to which the trail was shipped, and the time
since which a message is due.
"""

import json
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_GENESIS = "0" * 64
_BATCH = 1000

_EVENTS = sa.table(
    "audit_event",
    sa.column("id", sa.Integer),
    sa.column("at", sa.DateTime(timezone=True)),
    sa.column("event", sa.String),
    sa.column("request_id", sa.String),
    sa.column("actor", sa.String),
    sa.column("detail", sa.JSON),
    sa.column("sequence", sa.Integer),
    sa.column("previous", sa.String),
    sa.column("hash", sa.String),
)


def upgrade() -> None:
    """Adds the columns and tables, and chains the existing events."""
    for column in _columns():
        op.add_column("audit_event", column)
    op.create_table(
        "audit_head",
        sa.Column("id", sa.Integer, autoincrement=False, nullable=False),
        sa.Column("sequence", sa.Integer, nullable=False),
        sa.Column("hash", sa.String(64), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "audit_shipping",
        sa.Column("destination", sa.String(255), nullable=False),
        sa.Column("sequence", sa.Integer, nullable=False),
        sa.PrimaryKeyConstraint("destination"),
    )
    op.add_column("message", sa.Column("owed_since", sa.DateTime(timezone=True)))
    op.execute(sa.text("UPDATE message SET owed_since = due_at WHERE due_at IS NOT NULL"))
    sequence, digest = _chained(op.get_bind())
    # Inserted here, so that the processes of a new database need not agree on which of them creates it.
    op.execute(sa.text("INSERT INTO audit_head (id, sequence, hash) VALUES (1, :sequence, :hash)").bindparams(
        sequence=sequence, hash=digest
    ))  # fmt: skip
    op.create_index("audit_event_sequence", "audit_event", ["sequence"], unique=True)


def downgrade() -> None:
    """Drops the chain, and keeps the events."""
    op.drop_column("message", "owed_since")
    op.drop_index("audit_event_sequence", "audit_event")
    op.drop_table("audit_shipping")
    op.drop_table("audit_head")
    for column in _columns():
        op.drop_column("audit_event", column.name)


def _columns() -> list[sa.Column[Any]]:
    hashes: list[sa.Column[Any]] = [sa.Column(name, sa.String(64)) for name in ("previous", "hash")]
    return [sa.Column("sequence", sa.Integer), *hashes]


def _chained(connection: sa.Connection) -> tuple[int, str]:
    change = (
        sa.update(_EVENTS)
        .where(_EVENTS.c.id == sa.bindparam("row"))
        .values(sequence=sa.bindparam("place"), previous=sa.bindparam("before"), hash=sa.bindparam("digest"))
    )
    sequence, digest, last = 0, _GENESIS, None
    while True:
        wanted = sa.select(_EVENTS).order_by(_EVENTS.c.id).limit(_BATCH)
        rows = connection.execute(wanted if last is None else wanted.where(_EVENTS.c.id > last)).all()
        if not rows:
            return sequence, digest
        changes = []
        for row in rows:
            sequence, before = sequence + 1, digest
            digest = _hash(row, sequence, before)
            changes.append({"row": row.id, "place": sequence, "before": before, "digest": digest})
        connection.execute(change, changes)
        last = rows[-1].id


def _hash(row: sa.Row[Any], sequence: int, previous: str) -> str:
    # A copy of the code in `bot.access.audit` at the time of this step, which must not follow later changes.
    content = {
        "sequence": sequence,
        "previous": previous,
        "at": _utc(row.at).isoformat(timespec="microseconds"),
        "event": row.event,
        "request_id": row.request_id,
        "actor": row.actor,
        "detail": row.detail,
    }
    return sha256(json.dumps(content, sort_keys=True, separators=(",", ":")).encode("ascii")).hexdigest()


def _utc(at: datetime) -> datetime:
    # SQLite stores UTC without a zone; PostgreSQL answers in the session's zone.
    return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
