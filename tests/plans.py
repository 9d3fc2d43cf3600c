"""How a database would answer a query."""

from collections.abc import Callable
from typing import Any

from sqlalchemy import event

from bot.storage.store import SqlStore
from bot.storage.transaction import SqlTransaction


def plan_of(store: SqlStore, query: Callable[[SqlTransaction], object]) -> str:
    """The plan for the last statement of a query, as the database explains it."""
    ran: list[tuple[str, Any]] = []
    engine = store.engine

    def keep(_connection: Any, _cursor: Any, statement: str, parameters: Any, _context: Any, _many: bool) -> None:
        ran.append((statement, parameters))

    event.listen(engine, "before_cursor_execute", keep)
    with store.reading() as read:
        query(read)
    event.remove(engine, "before_cursor_execute", keep)
    statement, parameters = ran[-1]  # after what SQLite begins a transaction with
    with engine.connect() as connection:
        if connection.dialect.name == "postgresql":
            connection.exec_driver_sql("SET LOCAL enable_seqscan = off")  # it would read a table that is empty
        explain = "EXPLAIN QUERY PLAN" if connection.dialect.name == "sqlite" else "EXPLAIN"
        return " ".join(str(row) for row in connection.exec_driver_sql(f"{explain} {statement}", parameters))
