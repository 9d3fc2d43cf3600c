"""What the application does without being asked: pools of workers for what is due, and a ticker for what is not."""

from contextlib import ExitStack
from dataclasses import dataclass

from bot.access.claims import RENEW_EVERY
from bot.access.grants.automatic import AutomaticGrants
from bot.access.grants.clock_jump import ClockJumpDetector
from bot.access.grants.clock_skew import ClockSkewMonitor
from bot.access.grants.provisioning import Provisioning
from bot.access.grants.reconciliation import Reconciliation
from bot.access.grants.revocation import Revocation
from bot.access.grants.service import Grants
from bot.access.intervals import (
    LOOK_AT_CLOCK_EVERY,
    LOOK_AT_CLUSTERS_EVERY,
    LOOK_AT_ENDS_EVERY,
    LOOK_AT_MEMBERS_EVERY,
    LOOK_AT_OWNERS_EVERY,
    LOOK_AT_REQUESTS_EVERY,
)
from bot.access.lifecycle.expiry_warnings import ExpiryWarnings
from bot.access.lookup.history import History
from bot.access.models.grants import Grant
from bot.access.models.messages import Message
from bot.access.notifications.outbox import Outbox
from bot.access.policy.current import CurrentPolicy
from bot.access.ports import Clock
from bot.access.requests.approvals import Approvals
from bot.access.requests.break_glass import BreakGlass
from bot.access.requests.counter_offers import CounterOffers
from bot.access.requests.owner_changes import OwnerChanges
from bot.access.requests.service import Requests
from bot.access.store.store import Store
from bot.reconciling import Reconciling
from bot.runtime.scheduler import Ticker
from bot.runtime.workers import WorkerPool

CLUSTER_WORKERS = 16
"""Grants in the making at once. It is bound by the cluster's hashing, about 50 ms of one of its cores each."""

REVOKERS = 4
REVOKED_TOGETHER = 100
"""Threads that end grants, and how many each of them ends with the same few calls. Their names stand in one URL, of
which Elasticsearch takes 4,096 bytes (`http.max_initial_line_length`)."""

OUTBOX_WORKERS = 8
"""Messages in work at once: Slack takes about one a second in each conversation."""


@dataclass(frozen=True)
class Domain:
    """The services of `access`, on their real ports."""

    current: CurrentPolicy
    requests: Requests
    approvals: Approvals
    automatic: AutomaticGrants
    grants: Grants
    provisioning: Provisioning
    revocation: Revocation
    history: History
    outbox: Outbox
    clocks: ClockSkewMonitor
    clock_jump: ClockJumpDetector
    reconcile: Reconciliation
    offers: CounterOffers
    expiry_warnings: ExpiryWarnings
    owner_changes: OwnerChanges
    break_glass: BreakGlass


def start_duties(domain: Domain, store: Store, clock: Clock, running: ExitStack) -> Ticker:
    """Starts the pools and the ticker, which it returns. What was started last is stopped first."""
    making: WorkerPool[Grant] = WorkerPool(
        "provisioning", CLUSTER_WORKERS, store, clock,
        claim=lambda write, now, until, most: write.claim_grants(now, until, most, ending=False),
        next_due=lambda read, by: read.next_grant_due(by, ending=False),
        work=domain.provisioning.work,
    )  # fmt: skip
    ending: WorkerPool[Grant] = WorkerPool(
        "revocation", REVOKERS, store, clock,
        claim=lambda write, now, until, most: write.claim_grants(now, until, most, ending=True),
        next_due=lambda read, by: read.next_grant_due(by, ending=True),
        work=domain.revocation.work,
        batch=REVOKED_TOGETHER,
    )  # fmt: skip
    messages: WorkerPool[Message] = WorkerPool(
        "outbox", OUTBOX_WORKERS, store, clock,
        claim=lambda write, now, until, most: write.claim_messages(now, until, most),
        next_due=lambda read, by: read.next_message_due(by),
        work=domain.outbox.work,
    )  # fmt: skip
    ticker = Ticker()
    ticker.every(RENEW_EVERY, making.renew, "hold on to grants that are made")
    ticker.every(RENEW_EVERY, ending.renew, "hold on to grants that end")
    ticker.every(RENEW_EVERY, messages.renew, "hold on to messages")
    ticker.every(LOOK_AT_REQUESTS_EVERY, domain.requests.expire_overdue, "expire requests")
    ticker.every(LOOK_AT_REQUESTS_EVERY, domain.requests.route_waiting, "route requests that wait")
    ticker.every(LOOK_AT_REQUESTS_EVERY, domain.approvals.escalate_due, "remind and escalate")
    ticker.every(LOOK_AT_REQUESTS_EVERY, domain.break_glass.remind_due, "remind of reviews")
    ticker.every(LOOK_AT_MEMBERS_EVERY, domain.automatic.run_once, "automatic access flows")
    rounds = Reconciling(domain.reconcile, domain.clocks)
    ticker.every(LOOK_AT_CLUSTERS_EVERY, rounds.look_at_clocks, "clocks")
    ticker.every(LOOK_AT_CLOCK_EVERY, domain.clock_jump.check, "our own clock")
    ticker.every(LOOK_AT_CLUSTERS_EVERY, rounds.run_once, "reconcile")
    ticker.every(LOOK_AT_ENDS_EVERY, domain.expiry_warnings.run_once, "notes before an end")
    ticker.every(LOOK_AT_OWNERS_EVERY, domain.owner_changes.run_once, "owners who left")
    for pool in (messages, making, ending):  # stopped the other way round: ending a grant owes messages
        store.on_work(pool.wake)
        pool.start()
        running.callback(pool.stop)
    ticker.start()
    running.callback(ticker.stop)
    return ticker
