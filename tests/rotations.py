"""The records of rotations in a database."""

from typing import Any

from sqlmodel import col, select

from bot.access.models.audit import AuditEvent
from bot.access.models.system import Setting
from bot.access.store.store import Store


def events(store: Store) -> list[tuple[str, dict[str, Any]]]:
    """The audit events with their details, oldest first."""
    with store.reading() as read:
        rows = read._session.exec(select(AuditEvent).order_by(col(AuditEvent.id)))
        return [(row.event, {"actor": row.actor, "at": row.at, **row.detail}) for row in rows]


def names(store: Store) -> list[str]:
    """The names of the audit events, oldest first."""
    return [event for event, _ in events(store)]


def remembered(store: Store) -> list[str]:
    """The names of the application's stored settings."""
    with store.reading() as read:
        return [row.name for row in read._session.exec(select(Setting))]


def second(store: Store) -> Store:
    """The same database, as another process sees it."""
    return Store(store.engine, "second")
