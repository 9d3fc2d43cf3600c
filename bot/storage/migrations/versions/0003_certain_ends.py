"""Certain ends: API keys, receipts, fresh secrets, settings of the application itself, and notices."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Adds the columns and the table. Older grants are passwords in a message."""
    op.add_column("access_request", sa.Column("kind", sa.String(32), nullable=False, server_default="password"))
    op.add_column("access_request", sa.Column("delivery", sa.String(32), nullable=False, server_default="message"))
    op.add_column("access_grant", sa.Column("task", sa.String(32)))
    op.add_column("access_grant", sa.Column("key_id", sa.String(64)))
    op.add_column("access_grant", sa.Column("receipt", sa.JSON))
    # No row refers to a message, so SQLite can safely copy the table.
    with op.batch_alter_table("message") as message:
        message.alter_column("request_id", existing_type=sa.String(16), nullable=True)
        message.add_column(sa.Column("notice", sa.String(1000)))
    op.create_table(
        "setting",
        sa.Column("name", sa.String(128), nullable=False),
        sa.Column("value", sa.String(1000), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("name"),
    )


def downgrade() -> None:
    """Drops them with their content."""
    op.drop_table("setting")
    op.execute(sa.text("DELETE FROM message WHERE request_id IS NULL"))
    with op.batch_alter_table("message") as message:
        message.drop_column("notice")
        message.alter_column("request_id", existing_type=sa.String(16), nullable=False)
    for column in ("receipt", "key_id", "task"):
        op.drop_column("access_grant", column)
    for column in ("delivery", "kind"):
        op.drop_column("access_request", column)
