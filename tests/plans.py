"""Query plans."""

from collections.abc import Callable
from typing import Any

from sqlalchemy import event

from bot.access.store.store import Store
from bot.access.store.transaction import Transaction


def plan_of(store: Store, query: Callable[[Transaction], object]) -> str:
    """The database's plans for the SELECT statements of a query."""
    ran: list[tuple[str, Any]] = []
    engine = store.engine

    def keep(_connection: Any, _cursor: Any, statement: str, parameters: Any, _context: Any, _many: bool) -> None:
        if statement.lstrip().upper().startswith("SELECT"):  # SQLite begins a transaction with something else
            ran.append((statement, parameters))

    event.listen(engine, "before_cursor_execute", keep)
    with store.reading() as read:
        query(read)
    event.remove(engine, "before_cursor_execute", keep)
    with engine.connect() as connection:
        if connection.dialect.name == "postgresql":
            connection.exec_driver_sql("SET LOCAL enable_seqscan = off")  # it would read a table that is empty
        explain = "EXPLAIN QUERY PLAN" if connection.dialect.name == "sqlite" else "EXPLAIN"
        plans = [connection.exec_driver_sql(f"{explain} {each}", values).all() for each, values in ran]
        return " ".join(str(row) for plan in plans for row in plan)
