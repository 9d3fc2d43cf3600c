"""What Alembic runs to apply the steps: on the connection that `storage.migrate` has opened and locked."""

from alembic import context

context.configure(
    connection=context.config.attributes["connection"],
    # SQLite alters a column by copying its table, which breaks while rows of others point to it: only add columns.
    render_as_batch=context.config.attributes["connection"].dialect.name == "sqlite",
    # True of SQLite as well, because `storage.engine` begins its transactions itself.
    transactional_ddl=True,
)
with context.begin_transaction():
    context.run_migrations()
