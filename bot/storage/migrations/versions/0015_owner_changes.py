"""Changes of owners that have several new owners, and which integrations lead to one cluster."""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Adds a column and a table."""
    op.add_column("ownership_change", sa.Column("owners", sa.JSON, nullable=True))
    op.create_table(
        "known_cluster",
        sa.Column("integration", sa.String(64), nullable=False),
        sa.Column("uuid", sa.String(64), nullable=False),
        sa.PrimaryKeyConstraint("integration"),
    )


def downgrade() -> None:
    """Drops them with their content."""
    op.drop_table("known_cluster")
    op.drop_column("ownership_change", "owners")
