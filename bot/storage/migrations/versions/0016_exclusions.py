"""Exclusions: the patterns whose names the role of a request leaves out."""

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Adds the column."""
    op.add_column("access_request", sa.Column("excluded", sa.JSON))


def downgrade() -> None:
    """Drops it with its content: a role that exists still leaves the names out, one that is made anew does not."""
    op.drop_column("access_request", "excluded")
