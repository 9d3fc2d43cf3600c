"""Which installation this is, so that several on one cluster never touch what the others have made."""

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from bot.access.errors import Outage, Refusal
from bot.access.ports import Clock
from bot.access.store.store import Store
from bot.cluster.ownership import Installation

_NAME = "installation"
"""Of the setting that it is kept under."""


@dataclass(frozen=True)
class InstallationIdentity:
    """Finds the installation's id: as it was set, else as it was kept, else as Slack names the app in the workspace.

    Slack's answer is the same when the database is lost, so that what was made is known again.
    """

    installation: Installation
    store: Store
    clock: Clock

    def recall(self, chosen: str | None) -> None:
        """The id that an administrator has chosen, or that is kept."""
        if chosen is not None:
            self._keep(chosen)
            return
        with self.store.reading() as read:
            kept = read.setting(_NAME)
        self.installation.id = kept.value if kept else None

    def learn(self, who: Mapping[str, Any]) -> None:
        """From Slack's answer to who we are, unless the id is known."""
        if self.installation.id is None:
            self._keep(f"{who['team_id']}-{who['user_id']}")

    def learn_late(self, ask: Callable[[], Mapping[str, Any]]) -> None:
        """From Slack, which did not answer at the start; `ask` raises `Outage` or `Refusal` while it still does not."""
        if self.installation.id is None:
            with suppress(Outage, Refusal):
                self.learn(ask())

    def _keep(self, name: str) -> None:
        with self.store.writing() as write:
            kept = write.setting(_NAME)
            if kept is None or kept.value != name:
                write.set_setting(_NAME, name, self.clock.now())
        self.installation.id = name
