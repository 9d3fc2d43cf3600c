"""Audit trails for tests: written as the application writes them, and tampered with."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from sqlalchemy import Engine, text

from bot.access.audit.trail import AuditTrail, VerificationResult
from bot.access.models.audit import AuditEvent
from bot.access.store.chain import GENESIS, hash_of
from bot.access.store.store import Store
from tests.rows import NOW, WHO


def write_trail(store: Store, count: int) -> None:
    """Writes that many events, each in its own transaction."""
    for number in range(1, count + 1):
        with store.writing() as write:
            write.audit(
                "request.submitted", WHO, NOW + timedelta(seconds=number), f"REQ-{number:06}", patterns=["größe"]
            )


def tamper(engine: Engine, statement: str, values: Mapping[str, Any] | None = None) -> None:
    """Changes the database behind the application's back."""
    with engine.execution_options(writes=True).begin() as connection:
        connection.execute(text(statement), dict(values or {}))


def verified(engine: Engine) -> VerificationResult:
    return AuditTrail(engine).verify()


def broken_at(engine: Engine) -> int | None:
    """The sequence number of the first broken event, or `None`."""
    found = verified(engine).broken
    return found.sequence if found else None


def chained(count: int) -> list[AuditEvent]:
    """A chain in memory."""
    events: list[AuditEvent] = []
    previous = GENESIS
    for number in range(1, count + 1):
        event = AuditEvent(
            at=NOW, event="grant.active", request_id="REQ-000001", actor=WHO, detail={"n": number},
            sequence=number, previous=previous,
        )  # fmt: skip
        event.hash = previous = hash_of(event)
        events.append(event)
    return events
