"""What is watched of a running application: the settings it began with, its metrics, and its audit trail sent on."""

from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from typing import Any

from pydantic import SecretStr

from bot.access.audit.shipping import Shipping
from bot.access.audit.trail import AuditTrail
from bot.access.call_failures import hearing
from bot.access.ids import APPLICATION
from bot.access.policy.current import fingerprint
from bot.access.ports import Clock
from bot.access.store.gauges import ending_since, gauges
from bot.access.store.store import Store
from bot.cluster.audit_index import AuditIndex
from bot.cluster.client import connect
from bot.config.settings import Configuration, Settings
from bot.observability.metrics import Metrics


@dataclass(frozen=True)
class Monitoring:
    """What watches. `shipping` is `None` where the audit trail stays in the database."""

    metrics: Metrics
    shipping: Shipping | None

    def ship(self) -> None:
        """Sends on what was audited since the last time, where it is to be sent."""
        if self.shipping is not None:
            before = self.shipping.shipped
            try:
                self.shipping.ship()
            finally:
                self.metrics.shipped(self.shipping.shipped - before)


def observe(
    settings: Settings, configuration: Configuration, store: Store, clock: Clock, running: ExitStack
) -> Monitoring:
    """Begins to watch, and puts into the audit trail what the application begins with."""
    shipping = _shipping(settings, store, clock, running)
    destination = shipping.destination.name if shipping else None
    read = partial(gauges, store.engine, destination)
    metrics = Metrics(read, partial(ending_since, store.engine), clock)
    store.on_commit(metrics.committed)
    running.enter_context(hearing(metrics.call_failed))
    now = clock.now()
    with store.writing() as write:
        write.audit("settings.loaded", APPLICATION, now, None, settings=public(settings))
        write.audit("policy.loaded", APPLICATION, now, None, **policy_detail(configuration))
    return Monitoring(metrics, shipping)


def public(settings: Settings) -> dict[str, Any]:
    """The settings that are set, by the name of their variable; of a secret only that it is."""
    values = {name: getattr(settings, name) for name in sorted(settings.model_fields_set)}
    return {name.upper(): "(set)" if isinstance(each, SecretStr) else str(each) for name, each in values.items()}


def policy_detail(configuration: Configuration) -> dict[str, Any]:
    """By what the audit trail knows a policy."""
    policy = configuration.policy
    return {"flows": [flow.name for flow in policy.access_flows], "hash": fingerprint(policy)}


def _shipping(settings: Settings, store: Store, clock: Clock, running: ExitStack) -> Shipping | None:
    connection = settings.audit_connection()
    if connection is None or settings.audit_index is None:
        return None
    index = AuditIndex(connect(connection), str(connection.url), settings.audit_index)
    running.callback(index.close)
    return Shipping(store, AuditTrail(store.engine), index, clock)
