"""Extensions know who asked for the access that they extend."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Adds the column, and fills it for the extensions that there are."""
    op.add_column("access_request", sa.Column("first_asked_by", sa.String(32)))
    op.execute(
        sa.text(
            "UPDATE access_request SET first_asked_by = "
            "(SELECT original.asked_by FROM access_request AS original WHERE original.id = access_request.extends) "
            "WHERE extends IS NOT NULL"
        )
    )


def downgrade() -> None:
    """Drops it with its content."""
    op.drop_column("access_request", "first_asked_by")
