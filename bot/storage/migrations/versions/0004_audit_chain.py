"""The audit trail as a chain: each event has its place, the hash of the one before and its own.

What was audited before is chained in the order of its ids. Also how far the trail was sent elsewhere, and since
when a message is owed.
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
    """Adds the columns and tables, and chains what is there."""
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
    # The very first row there is, so that processes of a new database do not have to agree on who makes it.
    op.execute(sa.text("INSERT INTO audit_head (id, sequence, hash) VALUES (1, :sequence, :hash)").bindparams(
        sequence=sequence, hash=digest
    ))  # fmt: skip
    op.create_index("audit_event_sequence", "audit_event", ["sequence"], unique=True)


def downgrade() -> None:
    """Takes the chain away, and leaves the events."""
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
    # As `bot.access.audit` does it at the time of this step: history does not follow what that becomes later.
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
    # SQLite keeps no zone, and what it keeps is UTC; PostgreSQL answers in the zone of the session.
    return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
