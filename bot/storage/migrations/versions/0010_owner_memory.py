"""Remembered owners: who owned what when it was last looked at, and the changes that access could have made."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Adds three tables and an index."""
    time = sa.DateTime(timezone=True)
    op.create_table(
        "owner_observation",
        sa.Column("integration", sa.String(64), nullable=False),
        sa.Column("source", sa.String(128), nullable=False),
        sa.Column("since", time, nullable=False),
        sa.Column("looked_at", time, nullable=False),
        sa.PrimaryKeyConstraint("integration"),
    )
    op.create_table(
        "ownership_change",
        sa.Column("id", sa.Integer, nullable=False),
        sa.Column("integration", sa.String(64), nullable=False),
        sa.Column("request_id", sa.String(16), sa.ForeignKey("access_request.id"), nullable=False),
        sa.Column("grants", sa.JSON, nullable=False),
        sa.Column("names", sa.JSON, nullable=False),
        sa.Column("before", sa.Text),
        sa.Column("after", sa.Text),
        sa.Column("counting", sa.JSON, nullable=False),
        sa.Column("state", sa.String(32), nullable=False),
        sa.Column("noticed_at", time, nullable=False),
        sa.Column("told_at", time),
        sa.Column("decided_by", sa.String(32)),
        sa.Column("decided_at", time),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ownership_change_of_request", "ownership_change", ["request_id"])
    op.create_index("ownership_change_told", "ownership_change", ["state", "told_at"])
    op.create_table(
        "remembered_owner",
        sa.Column("integration", sa.String(64), nullable=False),
        sa.Column("name", sa.String(255), nullable=False),
        sa.Column("written", sa.Text),
        sa.Column("owner", sa.Text),
        sa.Column("other_names", sa.JSON, nullable=False),
        sa.Column("since", time, nullable=False),
        sa.Column("gone_at", time),
        sa.Column("change_id", sa.Integer, sa.ForeignKey("ownership_change.id")),
        sa.PrimaryKeyConstraint("integration", "name"),
    )
    op.create_index("remembered_owner_change", "remembered_owner", ["change_id"])
    op.create_index("access_grant_ended", "access_grant", ["ended_at"])


def downgrade() -> None:
    """Drops them with their content."""
    op.execute(sa.text("DELETE FROM message WHERE kind = 'ownership'"))
    op.drop_index("access_grant_ended", "access_grant")
    for table in ("remembered_owner", "ownership_change", "owner_observation"):
        op.drop_table(table)
