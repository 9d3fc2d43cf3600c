"""Access for people's own accounts: the accounts, and what a request says of its own."""

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Adds a table and two columns."""
    time = sa.DateTime(timezone=True)
    op.create_table(
        "own_account",
        sa.Column("id", sa.Integer, nullable=False),
        sa.Column("integration", sa.String(64), nullable=False),
        sa.Column("person", sa.String(32), nullable=False),
        sa.Column("username", sa.String(507), nullable=False),
        sa.Column("compared", sa.String(507), nullable=False),
        sa.Column("realm", sa.String(255), nullable=False),
        sa.Column("role", sa.String(64), nullable=False),
        sa.Column("connected_at", time),
        sa.Column("claimed_by", sa.String(128)),
        sa.Column("claimed_until", time),
        sa.Column("look_at", time),
        sa.Column("looks", sa.Integer, nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("integration", "person", name="own_account_of_person"),
        sa.UniqueConstraint("integration", "realm", "compared", name="own_account_of_one"),
    )
    due = sa.text("look_at IS NOT NULL")
    op.create_index("own_account_look", "own_account", ["look_at"], sqlite_where=due, postgresql_where=due)
    op.add_column("access_request", sa.Column("account", sa.JSON, nullable=True))
    op.add_column("access_request", sa.Column("kind_named", sa.Boolean, nullable=False, server_default=sa.false()))


def downgrade() -> None:
    """Drops them with their content."""
    # An earlier version does not know the kind.
    op.execute(sa.text("UPDATE access_request SET kind = 'password' WHERE kind = 'own_account'"))
    op.execute(sa.text("UPDATE favourite SET kind = 'password' WHERE kind = 'own_account'"))
    op.drop_column("access_request", "kind_named")
    op.drop_column("access_request", "account")
    op.drop_index("own_account_look", "own_account")
    op.drop_table("own_account")
