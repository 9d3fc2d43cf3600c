"""The tables of the first version: requests, approvals, grants, messages and audit events."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Creates the tables."""
    _requests()
    _approvals()
    _grants()
    _messages()
    _audit()


def downgrade() -> None:
    """Drops the tables with their content."""
    for table in ("audit_event", "message", "access_grant", "approval", "access_request"):
        op.drop_table(table)


def _time(name: str, *, nullable: bool = True) -> sa.Column[object]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=nullable)


def _text(name: str, length: int, *, nullable: bool = False) -> sa.Column[str]:
    return sa.Column(name, sa.String(length), nullable=nullable)


def _requests() -> None:
    op.create_table(
        "access_request",
        _text("id", 16),
        _text("requester", 32),
        _text("integration", 64),
        sa.Column("patterns", sa.JSON, nullable=False),
        _text("permission", 64),
        sa.Column("duration", sa.Integer, nullable=False),
        _text("reason", 1000),
        _text("extends", 16, nullable=True),
        sa.Column("owners", sa.JSON, nullable=False),
        _text("state", 32),
        _time("created_at", nullable=False),
        _time("pending_until", nullable=False),
        _text("decided_by", 32, nullable=True),
        _time("decided_at"),
        _text("decision_reason", 1000),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("access_request_of_requester", "access_request", ["requester", "created_at"])
    op.create_index("access_request_pending", "access_request", ["state", "pending_until"])


def _approvals() -> None:
    op.create_table(
        "approval",
        _text("request_id", 16),
        _text("approver", 32),
        sa.Column("approved", sa.Boolean, nullable=False),
        _text("reason", 1000),
        _time("at", nullable=False),
        sa.PrimaryKeyConstraint("request_id", "approver"),
        sa.ForeignKeyConstraint(["request_id"], ["access_request.id"]),
    )


def _grants() -> None:
    op.create_table(
        "access_grant",
        _text("id", 16),
        _text("username", 507),
        _text("state", 32),
        _time("created_at", nullable=False),
        _time("expires_at", nullable=False),
        _time("delivered_at"),
        _time("ended_at"),
        _text("ended_by", 32, nullable=True),
        _text("end_reason", 1000),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        _time("due_at"),
        _text("claimed_by", 128, nullable=True),
        _time("claimed_until"),
        sa.PrimaryKeyConstraint("id"),
        sa.ForeignKeyConstraint(["id"], ["access_request.id"]),
        sa.UniqueConstraint("username"),
    )
    op.create_index("access_grant_due", "access_grant", ["due_at"])
    op.create_index("access_grant_state", "access_grant", ["state"])


def _messages() -> None:
    op.create_table(
        "message",
        sa.Column("id", sa.Integer, nullable=False),
        _text("request_id", 16),
        _text("kind", 32),
        _text("recipient", 32),
        sa.Column("wanted", sa.Integer, nullable=False),
        sa.Column("sent", sa.Integer, nullable=False),
        _text("channel", 32, nullable=True),
        _text("ts", 32, nullable=True),
        sa.Column("attempts", sa.Integer, nullable=False),
        _time("due_at"),
        _text("claimed_by", 128, nullable=True),
        _time("claimed_until"),
        sa.PrimaryKeyConstraint("id"),
        sa.ForeignKeyConstraint(["request_id"], ["access_request.id"]),
    )
    op.create_index("message_of_request", "message", ["request_id", "kind"])
    op.create_index("message_due", "message", ["due_at"])
    op.create_index("message_of_recipient", "message", ["recipient", "id"])


def _audit() -> None:
    op.create_table(
        "audit_event",
        sa.Column("id", sa.Integer, nullable=False),
        _time("at", nullable=False),
        _text("event", 64),
        _text("request_id", 16, nullable=True),
        _text("actor", 64),
        sa.Column("detail", sa.JSON, nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("audit_event_of_request", "audit_event", ["request_id", "id"])
