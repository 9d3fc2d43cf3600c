"""Break-glass: the requests that were approved at once, and their reviews."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

_WAITING = sa.text("review_at IS NOT NULL")


def upgrade() -> None:
    """Adds the columns and the index."""
    op.add_column("access_request", sa.Column("break_glass", sa.Boolean, nullable=False, server_default=sa.false()))
    op.add_column("access_request", sa.Column("review_at", sa.DateTime(timezone=True)))
    op.add_column("access_request", sa.Column("reviewed_by", sa.String(32)))
    op.add_column("access_request", sa.Column("reviewed_at", sa.DateTime(timezone=True)))
    op.create_index(
        "access_request_review", "access_request", ["review_at"], sqlite_where=_WAITING, postgresql_where=_WAITING
    )


def downgrade() -> None:
    """Drops them with their content."""
    op.execute(sa.text("DELETE FROM message WHERE kind = 'break_glass'"))
    op.drop_index("access_request_review", "access_request")
    for column in ("reviewed_at", "reviewed_by", "review_at", "break_glass"):
        op.drop_column("access_request", column)
