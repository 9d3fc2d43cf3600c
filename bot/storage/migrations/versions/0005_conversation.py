"""Conversation: counter-offers, warnings before the end, counts of extensions, requests for others, and channels."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

_WARNED = sa.text("warn_at IS NOT NULL")


def upgrade() -> None:
    """Adds the columns and the table. Older grants end without a warning."""
    op.add_column("access_request", sa.Column("asked_by", sa.String(32)))
    op.add_column("access_request", sa.Column("channel", sa.String(90)))
    op.create_index("access_request_asked_by", "access_request", ["asked_by", "created_at"])
    op.add_column("access_grant", sa.Column("warn_at", sa.DateTime(timezone=True)))
    op.add_column("access_grant", sa.Column("extensions", sa.Integer, nullable=False, server_default="0"))
    op.create_index("access_grant_warning", "access_grant", ["warn_at"], sqlite_where=_WARNED, postgresql_where=_WARNED)
    # No row refers to a message, so SQLite can safely copy the table.
    with op.batch_alter_table("message") as message:
        message.alter_column("recipient", existing_type=sa.String(32), existing_nullable=False, type_=sa.String(90))
        message.add_column(sa.Column("about", sa.String(64)))
    op.create_table(
        "counter_offer",
        sa.Column("id", sa.Integer, nullable=False),
        sa.Column("request_id", sa.String(16), nullable=False),
        sa.Column("by", sa.String(32), nullable=False),
        sa.Column("patterns", sa.JSON, nullable=False),
        sa.Column("permission", sa.String(64), nullable=False),
        sa.Column("duration", sa.Integer, nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("state", sa.String(32), nullable=False),
        sa.Column("decided_at", sa.DateTime(timezone=True)),
        sa.ForeignKeyConstraint(["request_id"], ["access_request.id"]),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("counter_offer_of_request", "counter_offer", ["request_id"])


def downgrade() -> None:
    """Drops them with their content."""
    op.drop_table("counter_offer")
    op.execute(sa.text("DELETE FROM message WHERE kind IN ('offer', 'warning', 'thread', 'asked')"))
    op.execute(sa.text("DELETE FROM message WHERE length(recipient) > 32"))
    with op.batch_alter_table("message") as message:
        message.drop_column("about")
        message.alter_column("recipient", existing_type=sa.String(90), existing_nullable=False, type_=sa.String(32))
    op.drop_index("access_grant_warning", "access_grant")
    for column in ("extensions", "warn_at"):
        op.drop_column("access_grant", column)
    op.drop_index("access_request_asked_by", "access_request")
    for column in ("channel", "asked_by"):
        op.drop_column("access_request", column)
