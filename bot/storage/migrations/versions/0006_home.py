"""The Home tab: the people who opened it, favourites, and indices for its queries."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Adds two tables and two indices."""
    op.create_table(
        "favourite",
        sa.Column("person", sa.String(32), nullable=False),
        sa.Column("key", sa.String(16), nullable=False),
        sa.Column("integration", sa.String(64), nullable=False),
        sa.Column("patterns", sa.JSON, nullable=False),
        sa.Column("permission", sa.String(64), nullable=False),
        sa.Column("duration", sa.Integer, nullable=False),
        sa.Column("kind", sa.String(32), nullable=False),
        sa.Column("reason", sa.String(1000), nullable=False),
        sa.Column("saved_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("person", "key"),
    )
    op.create_table(
        "home_tab",
        sa.Column("person", sa.String(32), nullable=False),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("place", sa.String(500), nullable=False),
        sa.PrimaryKeyConstraint("person"),
    )
    op.create_index("access_grant_ending", "access_grant", ["state", "expires_at"])
    op.create_index("audit_event_at", "audit_event", ["at"])


def downgrade() -> None:
    """Drops them."""
    op.drop_index("audit_event_at", "audit_event")
    op.drop_index("access_grant_ending", "access_grant")
    op.drop_table("home_tab")
    op.drop_table("favourite")
