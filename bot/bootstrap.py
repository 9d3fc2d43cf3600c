"""The only place that builds concrete objects and ties them together."""

from collections.abc import Iterator
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import structlog

from bot.access.audit.refusals import Refusals
from bot.access.errors import Outage, Refusal
from bot.access.grants.adoption import Adoption
from bot.access.grants.automatic import AutomaticGrants
from bot.access.grants.clock_jump import ClockJumpDetector
from bot.access.grants.clock_skew import ClockSkewMonitor
from bot.access.grants.provisioning import Provisioning
from bot.access.grants.reconciliation import Reconciliation
from bot.access.grants.revocation import Revocation
from bot.access.grants.service import Grants
from bot.access.lifecycle.expiry_warnings import ExpiryWarnings
from bot.access.lookup.history import History
from bot.access.lookup.home_tab import HomeTabs
from bot.access.lookup.home_tab_changes import HomeTabChanges
from bot.access.lookup.suggestions import Suggestions
from bot.access.notifications.outbox import Outbox
from bot.access.notifications.owner_notices import OwnerNotices
from bot.access.policy.current import CurrentPolicy
from bot.access.ports import Clock, Clusters, Directory, Notifier
from bot.access.requests.approvals import Approvals
from bot.access.requests.break_glass import BreakGlass
from bot.access.requests.counter_offers import CounterOffers
from bot.access.requests.owner_changes import OwnerChanges
from bot.access.requests.routing import Routing
from bot.access.requests.service import Requests
from bot.access.store.store import Store
from bot.cluster.ownership import Installation
from bot.config.settings import Settings, SettingsError
from bot.observability.monitoring import observe
from bot.runtime.admin import AdminCommands
from bot.runtime.background import CLUSTER_WORKERS, REVOKERS, Domain, start_duties
from bot.runtime.clusters import connect_clusters
from bot.runtime.connector_rotation import check_rotation, read_passwords, start_rotation
from bot.runtime.database import open_beside, open_store
from bot.runtime.home_refresher import HomeRefresher
from bot.runtime.installation import InstallationIdentity
from bot.runtime.policy_reload import PolicyReload
from bot.runtime.readiness import announce
from bot.runtime.transports import listen
from bot.slack.ack_queue import AckQueue
from bot.slack.app import ANSWER_THREADS, LISTENER_THREADS, bolt_app, web_client
from bot.slack.directory import SlackDirectory
from bot.slack.errors import TokenRefused
from bot.slack.listeners.break_glass import BreakGlassListeners
from bot.slack.listeners.counter_offers import CounterOfferListeners
from bot.slack.listeners.form import FormListeners
from bot.slack.listeners.home import HomeListeners
from bot.slack.listeners.requests import RequestListeners
from bot.slack.middleware import Team, WorkspaceMiddleware
from bot.slack.notifier import SlackNotifier
from bot.slack.responder import Responder
from bot.storage.engine import database_url, open_engine

LEARN_EVERY = timedelta(seconds=5)
"""While Slack is away at the very first start: until it answers, nothing can be made in a cluster."""

SHIP_EVERY = timedelta(seconds=2)
"""How late the audit index is, where there is one."""

log = structlog.get_logger(__name__)


class SystemClock:
    """The time of this machine."""

    def now(self) -> datetime:
        """The present, in UTC."""
        return datetime.now(UTC)


class Application:
    """Everything that runs in one process. What was started last is stopped first."""

    def __init__(self, running: ExitStack, policy_reload: PolicyReload) -> None:
        self._running = running
        self._reloading = policy_reload

    def reload(self) -> None:
        """Reads `access.yaml` again. A broken one changes nothing, and says so in the log and the audit."""
        self._reloading.reload()

    def stop(self) -> None:
        """Leaves Slack, finishes what is in hand, and closes everything."""
        self._running.close()


def start(settings: Settings, clock: Clock | None = None) -> Application:
    """Builds and starts the application. Raises `SettingsError` for what only shows when it is tried."""
    with ExitStack() as running:
        policy_reload = _start(settings, clock or SystemClock(), running)
        return Application(running.pop_all(), policy_reload)


def _start(settings: Settings, clock: Clock, running: ExitStack) -> PolicyReload:
    configuration = settings.configuration()
    check_rotation(configuration)
    passwords = read_passwords(configuration, settings.access_config)
    store = open_store(settings, running)
    monitoring = observe(settings, configuration, store, clock, running)
    beside = _threads(2 * CLUSTER_WORKERS, "beside", running)
    identity = InstallationIdentity(Installation(), store, clock)
    identity.recall(settings.installation_id)
    clusters = connect_clusters(configuration, passwords, beside, identity.installation, clock, running)
    client = web_client(settings.slack_bot_token, settings.slack_api_url)
    team = Team(client)
    directory = SlackDirectory(client, team=team)
    current = CurrentPolicy(configuration.policy)
    domain = build_domain(current, clock, store, clusters, directory, SlackNotifier(client, current), beside)
    # The workers first: what expired while nobody ran is ended whether Slack answers, or takes its time not to.
    ticker = start_duties(domain, store, clock, running)
    if monitoring.shipping is not None:
        ticker.every(SHIP_EVERY, monitoring.ship, "send the audit trail on")
    notices = OwnerNotices(store, directory, current, clock)
    start_rotation(configuration, clusters.accounts, store, clock, notices, running)
    who = _slack_takes_the_token(team)
    if who is not None:
        identity.learn(who)
    else:
        ticker.every(LEARN_EVERY, partial(identity.learn_late, team.identify), "which installation")
    ack_queue = AckQueue(_threads(ANSWER_THREADS, "answers", running), monitoring.metrics.acknowledged)

    def groups_changed() -> None:
        directory.forget_groups()
        ack_queue.submit(domain.automatic.run_once)
        ack_queue.submit(domain.owner_changes.run_once)

    refusals = Refusals(store, clock)
    responder = Responder(ack_queue, directory, refusals)
    form = FormListeners(domain.requests, current, Suggestions(clusters), responder)
    listeners = RequestListeners(
        domain.requests, domain.approvals, domain.grants, domain.history, current, clock,
        groups_changed, responder, form.open,
    )  # fmt: skip
    home_tabs = HomeTabs(store, directory, current, clock)
    home = HomeListeners(home_tabs, client, responder, form.open)
    refresher = HomeRefresher(HomeTabChanges(store, directory, current, clock).concerned, home.publish)
    running.callback(refresher.stop)
    refresher.start()
    talk = CounterOfferListeners(domain.requests, domain.offers, responder)
    listening = _threads(LISTENER_THREADS, "listener", running)
    middleware = WorkspaceMiddleware(team, refusals)
    everything = (listeners, form, home, talk, BreakGlassListeners(domain.break_glass, responder))
    app = bolt_app(client, settings.slack_signing_secret, listening, everything, middleware, verified=who is not None)
    checks = {"database": store.ping, **{f"elasticsearch {name}": each.ping for name, each in clusters.items()}}
    port = listen(settings, app, ack_queue, checks, monitoring.metrics, team, running)
    announce(clusters, slack=who is not None, mode="socket" if settings.socket_mode else "http", port=port)
    return PolicyReload(settings, current, configuration, store, clock)


@contextmanager
def domain_only(settings: Settings) -> Iterator[tuple[Domain, SlackDirectory]]:
    """The domain for one question: nothing is listened to, no worker runs, and the database is left as it is."""
    with ExitStack() as running:
        configuration = settings.configuration()
        passwords = read_passwords(configuration, settings.access_config)
        engine = open_engine(database_url(settings.database_url.get_secret_value()))
        running.callback(engine.dispose)
        beside = _threads(1, "beside", running)
        store = Store(engine, "command")
        clock = SystemClock()
        here = Installation(settings.installation_id)
        clusters = connect_clusters(configuration, passwords, beside, here, clock, running)
        client = web_client(settings.slack_bot_token, settings.slack_api_url)
        directory, current = SlackDirectory(client), CurrentPolicy(configuration.policy)
        notifier = SlackNotifier(client, current)
        yield build_domain(current, clock, store, clusters, directory, notifier, beside), directory


@contextmanager
def admin_commands(settings: Settings, clock: Clock | None = None) -> Iterator[AdminCommands]:
    """What a command needs that changes something, beside a running application or without one.

    Raises `SettingsError` for a database that cannot be used, and where it is not known which installation this is.
    """
    clock = clock or SystemClock()
    with ExitStack() as running:
        configuration = settings.configuration()
        passwords = read_passwords(configuration, settings.access_config)
        store = open_beside(settings, running)
        client = web_client(settings.slack_bot_token, settings.slack_api_url)
        identity = InstallationIdentity(Installation(), store, clock)
        identity.recall(settings.installation_id)
        if identity.installation.id is None:
            who = _slack_takes_the_token(Team(client))
            if who is None:
                raise SettingsError(["Slack does not answer, so it is not known which installation this is. Try again"])
            identity.learn(who)
        beside = _threads(2 * REVOKERS, "beside", running)
        clusters = connect_clusters(configuration, passwords, beside, identity.installation, clock, running)
        directory, current = SlackDirectory(client), CurrentPolicy(configuration.policy)
        domain = build_domain(current, clock, store, clusters, directory, SlackNotifier(client, current), beside)
        yield AdminCommands(store, domain.revocation, domain.reconcile, clock)


def _threads(size: int, name: str, running: ExitStack) -> ThreadPoolExecutor:
    executor = ThreadPoolExecutor(size, thread_name_prefix=name)
    running.callback(executor.shutdown, wait=True)
    return executor


def _slack_takes_the_token(team: Team) -> dict[str, Any] | None:
    try:
        who = team.identify()
    except TokenRefused as error:
        raise SettingsError([f"SLACK_BOT_TOKEN: {error}. Copy it again from your Slack app"]) from None
    except Refusal as error:
        raise SettingsError([f"SLACK_BOT_TOKEN: {error}. `bot check` says more"]) from None
    except Outage as error:
        log.warning("cannot reach Slack yet", error=str(error))
        return None
    log.info("signed in to Slack", team=who["team"], user=who["user"])
    return who


def build_domain(
    current: CurrentPolicy,
    clock: Clock,
    store: Store,
    clusters: Clusters,
    directory: Directory,
    notifier: Notifier,
    beside: Executor,
) -> Domain:
    """The services of the domain on these ports."""
    routing = Routing(clusters, directory, current, clock)
    approvals = Approvals(store, directory, current, clock)
    provisioning = Provisioning(store, clusters, notifier, clock, beside)
    grants = Grants(store, approvals, provisioning, clock)
    clocks = ClockSkewMonitor(store, clusters, directory, current, clock)
    return Domain(
        current,
        Requests(store, routing, approvals, current, clock),
        approvals,
        AutomaticGrants(store, directory, current, approvals, grants, clock),
        grants,
        provisioning,
        Revocation(store, clusters, current, clock),
        History(store, approvals, clusters, current),
        Outbox(store, notifier, clock),
        clocks,
        ClockJumpDetector(store, clock),
        Reconciliation(store, clusters, Adoption(directory, current), clocks, current, clock),
        CounterOffers(store, routing, approvals, current, clock),
        ExpiryWarnings(store, clock),
        OwnerChanges(store, directory, current, clock),
        BreakGlass(store, approvals, directory, current, clock),
    )
