"""Notices to integration owners about the application itself rather than a request."""

from dataclasses import dataclass

import structlog

from bot.access.errors import Outage
from bot.access.owners import notified_owners
from bot.access.policy.current import CurrentPolicy
from bot.access.ports import Clock, Directory
from bot.access.store.store import Store

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class OwnerNotices:
    """Sends plain-text notices to the owners of an integration."""

    store: Store
    directory: Directory
    current: CurrentPolicy
    clock: Clock

    def tell(self, integration: str, text: str) -> None:
        """Sends a direct message to each owner. If Slack cannot say who they are, the text is only logged."""
        try:
            owners = notified_owners(self.directory, self.current.policy.integration(integration))
        except Outage as error:
            log.warning("owners could not be told", integration=integration, text=text, error=str(error))
            return
        with self.store.writing() as write:
            write.notify(owners, text, self.clock.now())
