"""Attempts: how often a grant's secret was begun, and the attempt whose secret was shown last."""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Adds the columns. Existing users and keys belong to the first attempt."""
    for name in ("attempt", "attempt_in_use"):
        op.add_column("access_grant", sa.Column(name, sa.Integer, nullable=False, server_default="1"))


def downgrade() -> None:
    """Drops them. Users of later attempts are unknown then, and reconciliation ends them."""
    for name in ("attempt_in_use", "attempt"):
        op.drop_column("access_grant", name)
