"""Unfinished tasks: when a cluster is looked at after the end of a grant, and what went on in it then."""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Adds the columns and an index."""
    op.add_column("access_grant", sa.Column("look_at", sa.DateTime(timezone=True)))
    op.add_column("access_grant", sa.Column("unfinished", sa.JSON))
    due = sa.text("look_at IS NOT NULL")
    op.create_index("access_grant_look", "access_grant", ["look_at"], sqlite_where=due, postgresql_where=due)


def downgrade() -> None:
    """Drops them with their content."""
    op.execute(sa.text("DELETE FROM message WHERE kind = 'unfinished'"))
    op.drop_index("access_grant_look", "access_grant")
    op.drop_column("access_grant", "unfinished")
    op.drop_column("access_grant", "look_at")
