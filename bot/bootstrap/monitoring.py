"""Starts metrics and audit shipping."""

from contextlib import ExitStack
from functools import partial

from bot.access.audit.chain_identity import chain_id
from bot.access.audit.shipping import Shipping
from bot.access.audit.trail import AuditTrail
from bot.access.call_failures import OnFailure
from bot.access.ids import APPLICATION
from bot.access.ports import Clock
from bot.access.store.gauges import ending_since, gauges
from bot.access.store.store import Store
from bot.cluster.audit_index import AuditIndex
from bot.cluster.client import connect
from bot.config.settings import Configuration, Settings
from bot.observability.metrics import Metrics
from bot.observability.monitoring import Monitoring, policy_detail, public


def start_monitoring(
    settings: Settings, configuration: Configuration, store: Store, clock: Clock, running: ExitStack
) -> Monitoring:
    """Starts metrics and audit shipping, and audits the settings and the policy of this start."""
    metrics = Metrics(lambda: gauges(store.engine, destination), partial(ending_since, store.engine), clock)
    shipping = _shipping(settings, store, clock, metrics.call_failed, running)
    destination = shipping.destination.name if shipping else None
    store.on_commit(metrics.committed)
    if shipping is not None:
        shipping.recognise_copy()
    now = clock.now()
    chain_id(store, now)
    with store.writing() as write:
        write.audit("settings.loaded", APPLICATION, now, None, settings=public(settings))
        write.audit("policy.loaded", APPLICATION, now, None, **policy_detail(configuration))
    return Monitoring(metrics, shipping)


def _shipping(
    settings: Settings, store: Store, clock: Clock, on_failure: OnFailure, running: ExitStack
) -> Shipping | None:
    connection = settings.audit_connection()
    if connection is None or settings.audit_index is None:
        return None
    index = AuditIndex(connect(connection, on_failure=on_failure), str(connection.url), settings.audit_index)
    running.callback(index.close)
    return Shipping(store, AuditTrail(store.engine), index, clock)
