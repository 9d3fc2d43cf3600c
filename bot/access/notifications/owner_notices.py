"""What the application tells integration owners about itself, and not about a request."""

from dataclasses import dataclass

import structlog

from bot.access.errors import Outage
from bot.access.policy.current import MOST_ASKED, Rules
from bot.access.ports import Clock, Directory
from bot.access.store.protocol_transaction import Store

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Notices:
    """Tells the owners of an integration, in plain words."""

    store: Store
    directory: Directory
    rules: Rules
    clock: Clock

    def tell(self, integration: str, text: str) -> None:
        """A direct message to each owner. Where Slack cannot say who they are, it is in the log alone."""
        try:
            owners = self.directory.members(self.rules.policy.integration(integration).owner).users
        except Outage as error:
            log.warning("owners could not be told", integration=integration, text=text, error=str(error))
            return
        with self.store.writing() as write:
            write.notify(owners[:MOST_ASKED], text, self.clock.now())
