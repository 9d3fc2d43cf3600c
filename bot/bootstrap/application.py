"""Starts and stops the application."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from functools import partial

import structlog

from bot.access.audit.refusals import Refusals
from bot.access.calls.turns import Turns
from bot.access.clock import SystemClock
from bot.access.intervals import LEARN_INSTALLATION_EVERY, SHIP_EVERY
from bot.access.lookup.home_tab import HomeTabs
from bot.access.lookup.home_tab_changes import HomeTabChanges
from bot.access.lookup.suggestions import Suggestions
from bot.access.notifications.inbox import Inbox
from bot.access.notifications.owner_notices import OwnerNotices
from bot.access.policy.current import CurrentPolicy
from bot.access.ports import Clock
from bot.bootstrap.clusters import connect_clusters, look_at_products, refuse_if_none_can_be_served
from bot.bootstrap.database import open_store
from bot.bootstrap.domain import build_domain, open_threads
from bot.bootstrap.monitoring import start_monitoring
from bot.bootstrap.slack import sign_in, slack_client
from bot.cluster.ownership import Installation
from bot.config.settings import Settings
from bot.observability.logs import Scrubber
from bot.runtime.background import CLUSTER_WORKERS, start_background_work, start_inbox_work
from bot.runtime.connector_rotation import check_rotation, read_passwords, start_rotation
from bot.runtime.dependencies import CHECK_SLACK_SECONDS, Dependency
from bot.runtime.health import DATABASE
from bot.runtime.home_refresher import HomeRefresher
from bot.runtime.installation import InstallationIdentity
from bot.runtime.policy_reload import PolicyReload, log_undercuts
from bot.runtime.readiness import log_readiness
from bot.runtime.recovery import Recovery
from bot.runtime.transports import listen
from bot.slack.ack_queue import AckQueue
from bot.slack.app import ANSWER_THREADS, ANSWERS, LISTENER_THREADS, bolt_app
from bot.slack.directory import SlackDirectory
from bot.slack.intake.intake import Intake
from bot.slack.listeners.break_glass import BreakGlassListeners
from bot.slack.listeners.counter_offers import CounterOfferListeners
from bot.slack.listeners.form import FormListeners
from bot.slack.listeners.home import HomeListeners
from bot.slack.listeners.ownership import OwnershipListeners
from bot.slack.listeners.requests import RequestListeners
from bot.slack.listeners.untold import LOOK_EVERY, UntoldOutcomes
from bot.slack.membership import Team
from bot.slack.middleware import WorkspaceMiddleware
from bot.slack.notifier import SlackNotifier
from bot.slack.responder import Responder

PROBES = 64
"""Probes of clusters that do not answer. About six hang for each."""

POST_THREADS = 64
"""Messages posted at the same time for credentials that are being made."""

log = structlog.get_logger(__name__)


class Application:
    """All parts of the running application. They stop in reverse order of their start."""

    def __init__(self, running: ExitStack, policy_reload: PolicyReload) -> None:
        self._running = running
        self._policy_reload = policy_reload

    def reload(self) -> None:
        """Reads `access.yaml` again. A broken file changes nothing, and is logged and audited."""
        self._policy_reload.reload()

    def stop(self) -> None:
        """Disconnects from Slack, finishes the work in progress and closes everything."""
        self._running.close()


def start(settings: Settings, scrubber: Scrubber, clock: Clock | None = None) -> Application:
    """Builds and starts the application. Raises `SettingsError` for settings that fail when they are used."""
    with ExitStack() as running:
        policy_reload = _start(settings, scrubber, clock or SystemClock(), running)
        return Application(running.pop_all(), policy_reload)


def _start(settings: Settings, scrubber: Scrubber, clock: Clock, running: ExitStack) -> PolicyReload:
    configuration = settings.configuration()
    check_rotation(configuration)
    passwords = read_passwords(configuration, settings.access_config, scrubber)
    store = open_store(settings, running)
    monitoring = start_monitoring(settings, configuration, store, clock, running)
    posts = open_threads(POST_THREADS, "posts", running)
    identity = InstallationIdentity(Installation(), store, clock)
    identity.recall(settings.installation_id)
    on_failure = monitoring.metrics.call_failed
    recovery = Recovery(store, clock, open_threads(PROBES, "probes", running))
    running.callback(recovery.stop)
    clusters = connect_clusters(
        configuration, passwords, 2 * CLUSTER_WORKERS, identity.installation, clock, running, on_failure,
        recovery.changed,
    )  # fmt: skip
    recovery.ping = lambda name: clusters[name].ping()
    recovery.gates = monitoring.metrics.gates = clusters.gates
    client = slack_client(settings, on_failure)
    team = Team(client)
    directory = SlackDirectory(client, team=team)
    current = CurrentPolicy(configuration.policy)
    domain = build_domain(current, clock, store, clusters, directory, SlackNotifier(client, current), posts)
    # Workers start first: grants that expired meanwhile must end, even when Slack is slow or does not answer.
    work = start_background_work(domain, store, clock, recovery, running)
    scheduler = work.scheduler
    if monitoring.shipping is not None:
        scheduler.every(SHIP_EVERY, monitoring.ship, "ship the audit trail")
    notices = OwnerNotices(store, directory, current, clock)
    start_rotation(configuration, clusters.accounts, store, clock, notices, running)
    products = look_at_products(clusters)
    who = sign_in(team, was_here=identity.installation.id is not None)
    if who is not None:
        identity.learn(who)
    else:
        scheduler.every(
            LEARN_INSTALLATION_EVERY, partial(identity.learn_late, team.identify), "learn the installation id"
        )
    inbox = Inbox(store, clock)
    inbox.start()
    running.callback(inbox.stop)
    answers = Turns(ANSWERS, ThreadPoolExecutor(ANSWER_THREADS, thread_name_prefix="answers"))
    running.callback(answers.shutdown, wait=True)
    ack_queue = AckQueue(answers, monitoring.metrics.acknowledged)

    def groups_changed() -> None:
        directory.forget_groups()
        ack_queue.submit(work.automatic.run_once)
        ack_queue.submit(domain.owner_changes.run_once)

    refusals = Refusals(store, clock)
    responder = Responder(ack_queue, directory, refusals, inbox)
    untold = UntoldOutcomes(domain.requests.untold)
    scheduler.every(LOOK_EVERY, untold.run_once, "tell what no message could tell")
    suggestions = Suggestions(clusters, directory, current, clock)
    form = FormListeners(domain.requests, current, suggestions, responder, untold)
    listeners = RequestListeners(
        domain.requests, domain.approvals, domain.grants, domain.history, current, clock,
        groups_changed, directory.count_name_words, directory.time_zone, responder, untold, form.open,
    )  # fmt: skip
    home_tabs = HomeTabs(store, directory, current, clock)
    home = HomeListeners(home_tabs, client, responder, form.open)
    refresher = HomeRefresher(HomeTabChanges(store, directory, current, clock).concerned, home.publish)
    running.callback(refresher.stop)
    refresher.start()
    counter_offers = CounterOfferListeners(domain.requests, domain.offers, responder)
    listener_threads = open_threads(LISTENER_THREADS, "listener", running)
    middleware = WorkspaceMiddleware(team, responder)
    groups = (
        listeners, form, home, counter_offers, BreakGlassListeners(domain.break_glass, responder),
        OwnershipListeners(domain.owner_decisions, responder),
    )  # fmt: skip
    app = bolt_app(client, settings.slack_signing_secret, listener_threads, groups, middleware)
    intake = Intake(app, inbox, ack_queue, team, clock)
    running.callback(intake.finish)
    start_inbox_work(inbox, intake.take_up, store, clock, scheduler, running)
    dependencies = [
        Dependency(DATABASE, store.ping),
        *(Dependency(f"elasticsearch {name}", each.ping) for name, each in clusters.items()),
        Dependency("slack", team.identify, CHECK_SLACK_SECONDS),
    ]
    checked = listen(settings, app, ack_queue, dependencies, monitoring.metrics, team, intake, running)
    refuse_if_none_can_be_served(products)
    log_readiness(checked, mode="socket" if settings.socket_mode else "http")
    log_undercuts(configuration.policy)
    return PolicyReload(settings, current, configuration, store, clock)
