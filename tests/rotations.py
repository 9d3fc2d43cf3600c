"""What rotations need of a database, in memory."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any


@dataclass
class Setting:
    value: str


@dataclass
class FakeRotationStore:
    """Settings, leases and audit events. `process` is who asks for a lease."""

    process: str = "first"
    settings: dict[str, Setting] = field(default_factory=dict)
    leases: dict[str, tuple[str, datetime]] = field(default_factory=dict)
    events: list[tuple[str, dict[str, Any]]] = field(default_factory=list)

    @contextmanager
    def reading(self) -> Iterator["FakeRotationStore"]:
        yield self

    @contextmanager
    def writing(self) -> Iterator["FakeRotationStore"]:
        yield self

    def setting(self, name: str) -> Setting | None:
        return self.settings.get(name)

    def set_setting(self, name: str, value: str, at: datetime) -> None:  # noqa: ARG002 (as it is called)
        self.settings[name] = Setting(value)

    def lease(self, name: str, now: datetime, until: datetime) -> bool:
        holder, held_until = self.leases.get(name, (self.process, now))
        if holder != self.process and held_until > now:
            return False
        self.leases[name] = (self.process, until)
        return True

    def audit(self, event: str, actor: str, at: datetime, request_id: str | None, **detail: Any) -> None:
        assert request_id is None
        self.events.append((event, {"actor": actor, "at": at, **detail}))

    def names(self) -> list[str]:
        """What happened, oldest first."""
        return [event for event, _ in self.events]
