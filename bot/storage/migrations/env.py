"""Alembic's entry point. It runs the steps on the connection that `storage.migrate` has opened and locked."""

from alembic import context

context.configure(
    connection=context.config.attributes["connection"],
    # To alter a column, SQLite copies its table, which breaks foreign keys to it: steps only add columns.
    render_as_batch=context.config.attributes["connection"].dialect.name == "sqlite",
    # True for SQLite as well, because `storage.engine` begins its transactions itself.
    transactional_ddl=True,
)
with context.begin_transaction():
    context.run_migrations()
