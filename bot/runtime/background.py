"""The work that no click starts: worker pools for due rows, and a scheduler for periodic jobs."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import timedelta
from typing import NamedTuple

import structlog

from bot.access.claims import RENEW_EVERY
from bot.access.grants.alias_moves import AliasMoves
from bot.access.grants.automatic import AutomaticGrants
from bot.access.grants.clock_jump import ClockJumpDetector
from bot.access.grants.clock_skew import ClockSkewMonitor
from bot.access.grants.own_accounts.personal_roles import PersonalRoles
from bot.access.grants.provisioning import Provisioning
from bot.access.grants.reconciliation import Reconciliation, ReconciliationResult
from bot.access.grants.revocation import Revocation
from bot.access.grants.service import Grants
from bot.access.grants.unfinished_tasks import UnfinishedTasks
from bot.access.intervals import (
    CLEAR_CACHES_EVERY,
    FORGET_PAYLOADS_EVERY,
    LOOK_AT_ALIASES_EVERY,
    LOOK_AT_CLOCK_EVERY,
    LOOK_AT_CLUSTERS_EVERY,
    LOOK_AT_ENDS_EVERY,
    LOOK_AT_MEMBERS_EVERY,
    LOOK_AT_OWNERS_EVERY,
    LOOK_AT_REQUESTS_EVERY,
    LOOK_AT_RESOURCE_OWNERS_EVERY,
)
from bot.access.lifecycle.expiry_warnings import ExpiryWarnings
from bot.access.lifecycle.node_memory import NodeMemory
from bot.access.lookup.history import History
from bot.access.models.grants import Grant
from bot.access.models.inbox import InboxEntry
from bot.access.models.messages import Message
from bot.access.notifications.inbox import Inbox
from bot.access.notifications.outbox import Outbox
from bot.access.ownership.decisions import OwnerDecisions
from bot.access.ownership.watch import OwnerWatch
from bot.access.policy.current import CurrentPolicy
from bot.access.ports import Clock
from bot.access.requests.approvals import Approvals
from bot.access.requests.break_glass import BreakGlass
from bot.access.requests.counter_offers import CounterOffers
from bot.access.requests.owner_changes import OwnerChanges
from bot.access.requests.service import Requests
from bot.access.store.session import ALL
from bot.access.store.store import Store
from bot.runtime.integration_jobs import IntegrationJob
from bot.runtime.recovery import Recovery
from bot.runtime.scheduler import Scheduler
from bot.runtime.workers import WorkerPool

CLUSTER_WORKERS = 16
"""Grants provisioned at the same time in each cluster. The limit is its hashing: about 50 ms of one of its cores each.
"""

REVOKERS = 4
REVOKED_TOGETHER = 100
"""Threads that end grants of each cluster, and how many grants each of them ends with the same few calls. Their names
are in one URL, which Elasticsearch limits to 4,096 bytes (`http.max_initial_line_length`)."""

OUTBOX_WORKERS = 8
"""Messages sent at the same time. Slack accepts about one a second in each conversation."""

JOB_THREADS = 128
"""The most runs of jobs of single integrations at the same time. Threads start when they are needed."""

INBOX_WORKERS = 8
"""Payloads that are taken up again at the same time."""

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Domain:
    """The services of `access`, connected to real clusters and Slack."""

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
    reconciliation: Reconciliation
    offers: CounterOffers
    expiry_warnings: ExpiryWarnings
    owner_changes: OwnerChanges
    break_glass: BreakGlass
    owner_decisions: OwnerDecisions
    owner_watch: OwnerWatch
    alias_moves: AliasMoves
    unfinished_tasks: UnfinishedTasks
    node_memory: NodeMemory
    personal_roles: PersonalRoles


@dataclass(frozen=True)
class BackgroundWork:
    """The running background work. `scheduler` takes further jobs; `automatic` can be run early."""

    scheduler: Scheduler
    automatic: IntegrationJob


def start_background_work(
    domain: Domain, store: Store, clock: Clock, recovery: Recovery, running: ExitStack
) -> BackgroundWork:
    """Starts the pools and the scheduler. They stop in reverse order when `running` ends."""
    making: WorkerPool[Grant] = WorkerPool(
        "provisioning", CLUSTER_WORKERS, store, clock,
        claim=lambda write, now, until, room: write.claim_grants(now, until, room, ending=False),
        next_due=lambda read, by, room: read.next_grant_due(by, room, ending=False),
        work=domain.provisioning.work,
        shares=lambda: len(domain.current.policy.integrations),
    )  # fmt: skip
    ending: WorkerPool[Grant] = WorkerPool(
        "revocation", REVOKERS, store, clock,
        claim=lambda write, now, until, room: write.claim_grants(now, until, room, ending=True),
        next_due=lambda read, by, room: read.next_grant_due(by, room, ending=True),
        work=domain.revocation.work,
        batch=REVOKED_TOGETHER,
        shares=lambda: len(domain.current.policy.integrations),
    )  # fmt: skip
    messages: WorkerPool[Message] = WorkerPool(
        "outbox", OUTBOX_WORKERS, store, clock,
        claim=lambda write, now, until, room: {ALL: write.claim_messages(now, until, room.left())},
        next_due=lambda read, by, _: read.next_message_due(by),
        work=domain.outbox.work,
    )  # fmt: skip
    scheduler = Scheduler()
    scheduler.every(RENEW_EVERY, making.renew, "renew claims on grants being made")
    scheduler.every(RENEW_EVERY, ending.renew, "renew claims on ending grants")
    scheduler.every(RENEW_EVERY, messages.renew, "renew claims on messages")
    scheduler.every(LOOK_AT_REQUESTS_EVERY, domain.requests.expire_overdue, "expire requests")
    scheduler.every(LOOK_AT_REQUESTS_EVERY, domain.approvals.escalate_due, "remind and escalate")
    scheduler.every(LOOK_AT_REQUESTS_EVERY, domain.break_glass.remind_due, "remind of reviews")
    scheduler.every(LOOK_AT_CLOCK_EVERY, domain.clock_jump.check, "our own clock")
    scheduler.every(LOOK_AT_ENDS_EVERY, domain.expiry_warnings.run_once, "expiry warnings")
    scheduler.every(LOOK_AT_OWNERS_EVERY, domain.owner_changes.run_once, "replace owners who left")
    scheduler.every(LOOK_AT_RESOURCE_OWNERS_EVERY, domain.owner_decisions.tell_owners, "tell owners of changes")
    threads = ThreadPoolExecutor(JOB_THREADS, thread_name_prefix="integration jobs")
    running.callback(threads.shutdown, wait=True)
    jobs = _schedule_integration_jobs(domain, scheduler, threads)
    recovery.route = jobs.route.run_once
    for pool in (messages, making, ending):  # stopped in reverse order: ending a grant enqueues messages
        store.on_work(pool.wake)
        pool.start()
        running.callback(pool.stop)
    scheduler.start()
    running.callback(scheduler.stop)
    return BackgroundWork(scheduler, jobs.automatic)


class _IntegrationJobs(NamedTuple):
    route: IntegrationJob
    automatic: IntegrationJob


def _schedule_integration_jobs(domain: Domain, scheduler: Scheduler, threads: ThreadPoolExecutor) -> _IntegrationJobs:
    """Schedules the jobs that call clusters, each integration's apart."""
    results = ReconciliationLog(domain.reconciliation, domain.clocks)

    def configured() -> list[str]:
        return [each.name for each in domain.current.policy.integrations]

    def schedule(interval: timedelta, job: IntegrationJob) -> IntegrationJob:
        scheduler.every(interval, job.run_once, job.name)
        return job

    schedule(LOOK_AT_CLUSTERS_EVERY, IntegrationJob("clocks", results.compare_clocks, configured, threads))
    schedule(LOOK_AT_CLUSTERS_EVERY, IntegrationJob("reconcile", results.run_once, configured, threads))
    watch, aliases = domain.owner_watch.run_once, domain.alias_moves.run_once
    schedule(LOOK_AT_RESOURCE_OWNERS_EVERY, IntegrationJob("remember owners", watch, configured, threads))
    schedule(LOOK_AT_ALIASES_EVERY, IntegrationJob("aliases that moved", aliases, configured, threads))
    tasks = domain.unfinished_tasks
    schedule(LOOK_AT_ENDS_EVERY, IntegrationJob("tasks that go on", tasks.run_once, tasks.integrations, threads))
    again = domain.personal_roles.look_again
    schedule(LOOK_AT_ENDS_EVERY, IntegrationJob("personal roles once more", again, configured, threads))
    forget = domain.node_memory.run_once
    schedule(CLEAR_CACHES_EVERY, IntegrationJob("ends on nodes that were away", forget, configured, threads))
    requests, automatic = domain.requests, domain.automatic
    routing = IntegrationJob("route requests that wait", requests.route_waiting, requests.waiting_integrations, threads)
    giving = IntegrationJob("automatic access flows", automatic.run_once, automatic.integrations, threads)
    return _IntegrationJobs(schedule(LOOK_AT_REQUESTS_EVERY, routing), schedule(LOOK_AT_MEMBERS_EVERY, giving))


def start_inbox_work(
    inbox: Inbox,
    take_up: Callable[[Sequence[InboxEntry]], None],
    store: Store,
    clock: Clock,
    scheduler: Scheduler,
    running: ExitStack,
) -> None:
    """Starts to take up entries of the inbox that another process left behind, or that failed here."""
    entries: WorkerPool[InboxEntry] = WorkerPool(
        "inbox", INBOX_WORKERS, store, clock,
        claim=lambda write, now, until, room: {ALL: write.claim_entries(now, until, room.left())},
        next_due=lambda read, by, _: read.next_entry_due(by),
        work=take_up,
    )  # fmt: skip
    scheduler.every(RENEW_EVERY, inbox.renew, "renew claims on payloads")
    scheduler.every(FORGET_PAYLOADS_EVERY, inbox.forget_done, "forget payloads that are done")
    entries.start()
    running.callback(entries.stop)


@dataclass
class ReconciliationLog:
    """Runs reconciliation and the clock comparison, and logs their results."""

    reconciliation: Reconciliation
    clocks: ClockSkewMonitor
    _last_error: dict[str, str] = field(default_factory=dict, init=False)
    _logged: dict[str, str] = field(default_factory=dict, init=False)

    def run_once(self, integration: str) -> None:
        """Compares the cluster of the integration with the database, if it is due."""
        for outcome in self.reconciliation.run_once(integration):
            if outcome.changes:
                log.warning("reconciled", integration=outcome.integration, found=outcome.found, **outcome.changes)
            self._log_error(outcome)

    def compare_clocks(self, integration: str) -> None:
        """Compares the cluster's clock with ours."""
        for skew in self.clocks.run_once(integration):
            seconds = round(skew.ahead.total_seconds(), 1)
            if skew.wrong:
                log.warning("clocks differ, grants end by the earlier", cluster=skew.integration, ahead=seconds)
            else:
                log.info("clocks agree again", cluster=skew.integration, ahead=seconds)

    def _log_error(self, outcome: ReconciliationResult) -> None:
        """Logs an error once, when it occurs twice in a row: during a start, many things fail once and recover soon."""
        name, error = outcome.integration, outcome.error
        if error and self._last_error.get(name) == error and self._logged.get(name) != error:
            log.warning("cannot reconcile yet", integration=name, error=error)
            self._logged[name] = error
        if not error:
            self._logged.pop(name, None)
        self._last_error[name] = error
