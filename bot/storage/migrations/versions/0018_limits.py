"""Limits: the fields and documents that a counter-offer limits access to."""

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Adds the column."""
    op.add_column("counter_offer", sa.Column("limits", sa.JSON))


def downgrade() -> None:
    """Drops it, with the open offers that have limits: without them they would offer more than was meant."""
    op.execute(sa.text("DELETE FROM counter_offer WHERE state = 'open' AND limits IS NOT NULL"))
    op.drop_column("counter_offer", "limits")
