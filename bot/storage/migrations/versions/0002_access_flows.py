"""Access flows: the flow and coverage of a request, the owner groups that have to approve it, and duties.

Also an index of due messages only, which replaces one of all messages ever sent to a person.
"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_REQUEST_TIMES = ("route_at", "escalate_at")

_PRIVILEGES = {
    "read": ["read", "view_index_metadata"],
    "write": ["read", "view_index_metadata", "write"],
    "manage": ["read", "view_index_metadata", "write", "manage"],
}
"""The privileges of each permission before this step."""

_OWED = sa.text("due_at IS NOT NULL")


def upgrade() -> None:
    """Adds the columns and tables. Older requests have no flow, and still wait for their owners."""
    # One column at a time: SQLite's alternative, a copy of the table, fails when other rows refer to it.
    for column in _request_columns():
        op.add_column("access_request", column)
    op.create_index("access_request_unrouted", "access_request", ["route_at"])
    op.create_index("access_request_escalating", "access_request", ["escalate_at"])
    op.add_column("approval", sa.Column("groups", sa.JSON))
    requests = sa.table("access_request", sa.column("privileges", sa.JSON), sa.column("permission"))
    for permission, indices in _PRIVILEGES.items():
        held = {"indices": indices, "kibana": [], "spaces": []}
        op.execute(requests.update().where(requests.c.permission == permission).values(privileges=held))
    op.execute(sa.text("UPDATE approval SET groups = '[]'"))
    op.create_table(
        "asked_group",
        sa.Column("id", sa.Integer, nullable=False),
        sa.Column("request_id", sa.String(16), nullable=False),
        sa.Column("label", sa.String(255), nullable=False),
        sa.Column("owners", sa.JSON, nullable=False),
        sa.Column("asked", sa.JSON, nullable=False),
        sa.Column("approvals", sa.Integer, nullable=False),
        sa.Column("resources", sa.Integer, nullable=False),
        sa.Column("escalation", sa.Boolean, nullable=False),
        sa.ForeignKeyConstraint(["request_id"], ["access_request.id"]),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("asked_group_of_request", "asked_group", ["request_id"])
    op.execute(
        sa.text(
            "INSERT INTO asked_group (request_id, label, owners, asked, approvals, resources, escalation) "
            "SELECT id, integration, owners, owners, 1, 0, false FROM access_request WHERE state = 'pending'"
        )
    )
    op.drop_index("message_of_recipient", "message")
    op.create_index("message_owed", "message", ["recipient", "id"], sqlite_where=_OWED, postgresql_where=_OWED)
    op.create_table(
        "lease",
        sa.Column("name", sa.String(64), nullable=False),
        sa.Column("holder", sa.String(128), nullable=False),
        sa.Column("until", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("name"),
    )


def downgrade() -> None:
    """Drops them with their content."""
    op.drop_table("lease")
    op.drop_index("message_owed", "message")
    op.create_index("message_of_recipient", "message", ["recipient", "id"])
    op.drop_table("asked_group")
    op.drop_column("approval", "groups")
    op.drop_index("access_request_unrouted", "access_request")
    op.drop_index("access_request_escalating", "access_request")
    for column in _request_columns():
        op.drop_column("access_request", column.name)


def _request_columns() -> list[sa.Column[object]]:
    times: list[sa.Column[object]] = [sa.Column(name, sa.DateTime(timezone=True)) for name in _REQUEST_TIMES]
    return [
        sa.Column("flow", sa.String(60), nullable=False, server_default=sa.text("''")),
        sa.Column("flow_limit", sa.Integer, nullable=False, server_default="0"),
        sa.Column("automatic", sa.Boolean, nullable=False, server_default=sa.false()),
        sa.Column("privileges", sa.JSON),
        sa.Column("resolved", sa.JSON),
        sa.Column("preview", sa.JSON),
        sa.Column("any_group", sa.Boolean, nullable=False, server_default=sa.false()),
        sa.Column("escalations", sa.Integer, nullable=False, server_default="0"),
        sa.Column("version", sa.Integer, nullable=False, server_default="0"),
        *times,
    ]
