"""The id of this installation. With it, several installations on one cluster never touch each other's users."""

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from bot.access.errors import Outage, Refusal
from bot.access.ports import Clock
from bot.access.store.store import Store
from bot.cluster.ownership import Installation

_NAME = "installation"
"""The name of its row in the settings table."""


@dataclass(frozen=True)
class InstallationIdentity:
    """Finds the installation's id: from the setting, the database, or Slack's ids of workspace and bot.

    Slack's ids survive the loss of the database, so that the application recognises its users in the cluster again.
    """

    installation: Installation
    store: Store
    clock: Clock

    def recall(self, chosen: str | None) -> None:
        """Uses the id that an administrator has `chosen`, or else the stored one."""
        if chosen is not None:
            self._store(chosen)
            return
        with self.store.reading() as read:
            kept = read.setting(_NAME)
        self.installation.id = kept.value if kept else None

    def learn(self, who: Mapping[str, Any]) -> None:
        """Takes the id from `who`, the answer of Slack's `auth.test`, unless it is already known."""
        if self.installation.id is None:
            self._store(f"{who['team_id']}-{who['user_id']}")

    def learn_late(self, ask: Callable[[], Mapping[str, Any]]) -> None:
        """Asks Slack again after it did not answer at the start. `ask` raises `Outage` or `Refusal` until it does."""
        if self.installation.id is None:
            with suppress(Outage, Refusal):
                self.learn(ask())

    def _store(self, name: str) -> None:
        with self.store.writing() as write:
            kept = write.setting(_NAME)
            if kept is None or kept.value != name:
                write.set_setting(_NAME, name, self.clock.now())
        self.installation.id = name
