"""Decisions made anew: the patterns under which a group owns something, and when a group was added."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Adds the columns."""
    op.add_column("asked_group", sa.Column("patterns", sa.JSON))
    op.add_column("asked_group", sa.Column("added_at", sa.DateTime(timezone=True)))


def downgrade() -> None:
    """Drops them with their content."""
    for column in ("added_at", "patterns"):
        op.drop_column("asked_group", column)
