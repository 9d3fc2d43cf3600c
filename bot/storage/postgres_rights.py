"""What an account of PostgreSQL may not do in its database, and what helps."""

from sqlalchemy import Connection, text

_SCHEMA = """
SELECT quote_ident(current_user) AS account, quote_ident(named.schema) AS schema,
    has_schema_privilege(to_regnamespace(quote_ident(named.schema)), 'CREATE') AS may_create,
    (SELECT quote_ident(owner.rolname) FROM pg_class AS found JOIN pg_roles AS owner ON owner.oid = found.relowner
        WHERE found.relnamespace = to_regnamespace(quote_ident(named.schema)) AND found.relkind = 'r'
        AND found.relname = 'alembic_version' AND NOT pg_has_role(found.relowner, 'USAGE')) AS owner
FROM (SELECT coalesce(current_schema(), 'public') AS schema) AS named
"""
"""One row. Since PostgreSQL 15 only the owner of a database may create tables in its schema `public`. An account
without any right on the schema has no `current_schema()`. `owner` is the role of existing tables of somebody else.
"""


def missing_right(connection: Connection) -> tuple[str, str] | None:
    """What the account of the connection may not do, and what to do about it; `None` if it may do everything.

    Raises `DBAPIError`.
    """
    found = connection.execute(text(_SCHEMA)).one()
    if found.owner is not None:
        return (
            f"the tables belong to {found.owner}, and {found.account} is no member of it",
            f"Sign in as {found.owner} in DATABASE_URL: only the owner of the tables can migrate them.",
        )
    if not found.may_create:
        return (
            f"{found.account} may not create tables in the schema {found.schema}",
            f"In that database, as its owner: GRANT CREATE, USAGE ON SCHEMA {found.schema} TO {found.account};",
        )
    return None
