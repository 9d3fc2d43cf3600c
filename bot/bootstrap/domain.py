"""The services of the domain."""

from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import ExitStack

from bot.access.accounts.identity import OwnAccounts
from bot.access.grants.adoption import Adoption
from bot.access.grants.alias_moves import AliasMoves
from bot.access.grants.automatic import AutomaticGrants
from bot.access.grants.clock_jump import ClockJumpDetector
from bot.access.grants.clock_skew import ClockSkewMonitor
from bot.access.grants.own_accounts.personal_roles import PersonalRoles
from bot.access.grants.provisioning import Provisioning
from bot.access.grants.reconciliation import Reconciliation
from bot.access.grants.revocation import Revocation
from bot.access.grants.service import Grants
from bot.access.grants.unfinished_tasks import UnfinishedTasks
from bot.access.lifecycle.direct_messages import DirectMessages
from bot.access.lifecycle.expiry_warnings import ExpiryWarnings
from bot.access.lifecycle.node_memory import NodeMemory
from bot.access.lookup.history import History
from bot.access.notifications.outbox import Outbox
from bot.access.ownership.decisions import OwnerDecisions
from bot.access.ownership.memory import OwnerMemory
from bot.access.ownership.watch import OwnerWatch
from bot.access.policy.current import CurrentPolicy
from bot.access.ports import Clock, Directory, Notifier
from bot.access.requests.approvals import Approvals
from bot.access.requests.break_glass import BreakGlass
from bot.access.requests.counter_offers import CounterOffers
from bot.access.requests.owner_changes import OwnerChanges
from bot.access.requests.routing import Routing
from bot.access.requests.service import Requests
from bot.access.store.store import Store
from bot.bootstrap.clusters import ConfiguredClusters
from bot.runtime.background import Domain


def open_threads(size: int, name: str, running: ExitStack) -> ThreadPoolExecutor:
    """A pool of threads that finishes its work when `running` ends."""
    executor = ThreadPoolExecutor(size, thread_name_prefix=name)
    running.callback(executor.shutdown, wait=True)
    return executor


def build_domain(
    current: CurrentPolicy,
    clock: Clock,
    store: Store,
    clusters: ConfiguredClusters,
    directory: Directory,
    notifier: Notifier,
    executor: Executor,
    *,
    has_memory: bool = True,
    recording: bool = True,
) -> Domain:
    """Builds the services with these clients. `executor` posts messages while credentials are made.

    `recording` is false for a command that must not change the database, `has_memory` where that has no tables yet.
    """
    owner_decisions = OwnerDecisions(store, directory, current, clock)
    owner_memory = OwnerMemory(store, current, clock, owner_decisions if recording else None)
    accounts = OwnAccounts(directory, clusters)
    routing = Routing(clusters, directory, current, clock, accounts, owner_memory if has_memory else None)
    approvals = Approvals(store, routing, directory, current, clock)
    roles = PersonalRoles(store, clusters, clusters, current, clock)
    provisioning = Provisioning(store, clusters, notifier, clock, roles, executor)
    grants = Grants(store, approvals, provisioning, clock)
    clocks = ClockSkewMonitor(store, clusters, directory, current, clock)
    return Domain(
        current,
        Requests(store, routing, approvals, current, clock, DirectMessages(store, notifier, clock)),
        approvals,
        AutomaticGrants(store, directory, current, approvals, grants, clusters, clock, accounts),
        grants,
        provisioning,
        Revocation(store, clusters, roles, current, clock),
        History(store, approvals, clusters, current, routing.memory),
        Outbox(store, notifier, clock),
        clocks,
        ClockJumpDetector(store, clock),
        Reconciliation(store, clusters, Adoption(directory, current), clocks, roles, current, clock),
        CounterOffers(store, routing, approvals, current, clock),
        ExpiryWarnings(store, clock),
        OwnerChanges(store, directory, current, clock),
        BreakGlass(store, approvals, directory, current, clock),
        owner_decisions,
        OwnerWatch(store, clusters, owner_memory, current, clock),
        AliasMoves(store, clusters, directory, owner_memory, current, clock, roles),
        UnfinishedTasks(store, clusters, clock),
        NodeMemory(store, clusters, clock),
        roles,
    )
