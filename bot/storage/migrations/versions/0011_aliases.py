"""Aliases: their targets at the approval of a request, and those that the role of a grant leaves out."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Adds the columns."""
    op.add_column("access_request", sa.Column("aliases", sa.JSON))
    op.add_column("access_grant", sa.Column("withheld", sa.JSON))


def downgrade() -> None:
    """Drops them with their content."""
    op.drop_column("access_grant", "withheld")
    op.drop_column("access_request", "aliases")
