"""The inbox: what Slack was told was taken."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Adds the table."""
    time = sa.DateTime(timezone=True)
    op.create_table(
        "inbox",
        sa.Column("id", sa.String(64), nullable=False),
        sa.Column("person", sa.String(32)),
        sa.Column("body", sa.JSON),
        sa.Column("received_at", time, nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("applied_at", time),
        sa.Column("due_at", time),
        sa.Column("done_at", time),
        sa.Column("claimed_by", sa.String(128)),
        sa.Column("claimed_until", time),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("inbox_due", "inbox", ["due_at"])
    op.create_index("inbox_done", "inbox", ["done_at"])


def downgrade() -> None:
    """Drops it with its content."""
    op.drop_table("inbox")
