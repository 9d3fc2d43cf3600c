"""Metrics and audit shipping of a running application, and how its settings and policy appear in the audit trail."""

from dataclasses import dataclass
from typing import Any

from pydantic import SecretStr

from bot.access.audit.shipping import Shipping
from bot.access.policy.current import fingerprint
from bot.config.settings import Configuration, Settings
from bot.observability.metrics import Metrics


@dataclass(frozen=True)
class Monitoring:
    """The running parts. `shipping` is `None` when there is no audit index."""

    metrics: Metrics
    shipping: Shipping | None

    def ship(self) -> None:
        """Sends new audit events to the audit index, if there is one."""
        if self.shipping is not None:
            before = self.shipping.shipped
            try:
                self.shipping.ship()
            finally:
                self.metrics.shipped(self.shipping.shipped - before)


def public(settings: Settings) -> dict[str, Any]:
    """The values of all settings that are set, by variable. A secret appears only as "(set)"."""
    values = {name: getattr(settings, name) for name in sorted(settings.model_fields_set)}
    return {name.upper(): "(set)" if isinstance(each, SecretStr) else str(each) for name, each in values.items()}


def policy_detail(configuration: Configuration) -> dict[str, Any]:
    """The names of a policy's flows and its fingerprint, for an audit event."""
    policy = configuration.policy
    return {"flows": [flow.name for flow in policy.access_flows], "hash": fingerprint(policy)}
