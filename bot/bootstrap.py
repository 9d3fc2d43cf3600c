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
from bot.access.grants.automatic import Automatic
from bot.access.grants.clock_jump import OwnClock
from bot.access.grants.clock_skew import Clocks
from bot.access.grants.provisioning import Provisioning
from bot.access.grants.reconciliation import Reconcile
from bot.access.grants.revocation import Revocation
from bot.access.grants.service import Grants
from bot.access.lifecycle.expiry_warnings import EndNotes
from bot.access.lookup.history import History
from bot.access.lookup.home_tab import Overviews
from bot.access.lookup.home_tab_changes import Changes
from bot.access.lookup.suggestions import Suggestions
from bot.access.notifications.outbox import Outbox
from bot.access.notifications.owner_notices import Notices
from bot.access.policy.current import Rules
from bot.access.ports import Clock, Clusters, Directory, Notifier
from bot.access.requests.approvals import Approvals
from bot.access.requests.break_glass import BreakGlass
from bot.access.requests.counter_offers import Offers
from bot.access.requests.owner_changes import Departures
from bot.access.requests.routing import Routing
from bot.access.requests.service import Requests
from bot.access.store.store import SqlStore
from bot.cluster.ownership import Installation
from bot.config.settings import Settings, SettingsError
from bot.observability.monitoring import observe
from bot.runtime.admin import ByHand
from bot.runtime.background import CLUSTER_WORKERS, REVOKERS, Domain, start_duties
from bot.runtime.clusters import connect_clusters
from bot.runtime.connector_rotation import check_rotation, read_passwords, start_rotation
from bot.runtime.database import open_beside, open_store
from bot.runtime.home_refresher import HomeRefresher
from bot.runtime.installation import Identity
from bot.runtime.policy_reload import Reloading
from bot.runtime.readiness import announce
from bot.runtime.transports import listen
from bot.slack.ack_queue import Afterwards
from bot.slack.app import ANSWERERS, LISTENERS, bolt_app, web_client
from bot.slack.blocks.break_glass import BreakGlassListeners
from bot.slack.directory import SlackDirectory
from bot.slack.errors import TokenRefused
from bot.slack.listeners.counter_offers import Conversation
from bot.slack.listeners.form import FormListeners
from bot.slack.listeners.home import HomeListeners
from bot.slack.listeners.requests import Listeners
from bot.slack.middleware import Gate, Team
from bot.slack.notifier import SlackNotifier
from bot.slack.responder import Answering
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

    def __init__(self, running: ExitStack, reloading: Reloading) -> None:
        self._running = running
        self._reloading = reloading

    def reload(self) -> None:
        """Reads `access.yaml` again. A broken one changes nothing, and says so in the log and the audit."""
        self._reloading.reload()

    def stop(self) -> None:
        """Leaves Slack, finishes what is in hand, and closes everything."""
        self._running.close()


def start(settings: Settings, clock: Clock | None = None) -> Application:
    """Builds and starts the application. Raises `SettingsError` for what only shows when it is tried."""
    with ExitStack() as running:
        reloading = _start(settings, clock or SystemClock(), running)
        return Application(running.pop_all(), reloading)


def _start(settings: Settings, clock: Clock, running: ExitStack) -> Reloading:
    configuration = settings.configuration()
    check_rotation(configuration)
    passwords = read_passwords(configuration, settings.access_config)
    store = open_store(settings, running)
    observing = observe(settings, configuration, store, clock, running)
    beside = _threads(2 * CLUSTER_WORKERS, "beside", running)
    identity = Identity(Installation(), store, clock)
    identity.recall(settings.installation_id)
    clusters = connect_clusters(configuration, passwords, beside, identity.installation, clock, running)
    client = web_client(settings.slack_bot_token, settings.slack_api_url)
    team = Team(client)
    directory = SlackDirectory(client, team=team)
    rules = Rules(configuration.policy)
    domain = build_domain(rules, clock, store, clusters, directory, SlackNotifier(client, rules), beside)
    # The workers first: what expired while nobody ran is ended whether Slack answers, or takes its time not to.
    ticker = start_duties(domain, store, clock, running)
    if observing.shipping is not None:
        ticker.every(SHIP_EVERY, observing.ship, "send the audit trail on")
    notices = Notices(store, directory, rules, clock)
    start_rotation(configuration, clusters.accounts, store, clock, notices, running)
    who = _slack_takes_the_token(team)
    if who is not None:
        identity.learn(who)
    else:
        ticker.every(LEARN_EVERY, partial(identity.learn_late, team.identify), "which installation")
    afterwards = Afterwards(_threads(ANSWERERS, "answers", running), observing.metrics.acknowledged)

    def groups_changed() -> None:
        directory.forget_groups()
        afterwards.do(domain.automatic.look)
        afterwards.do(domain.departures.look)

    refusals = Refusals(store, clock)
    answering = Answering(afterwards, directory, refusals)
    form = FormListeners(domain.requests, rules, Suggestions(clusters), answering)
    listeners = Listeners(
        domain.requests, domain.approvals, domain.grants, domain.history, rules, clock,
        groups_changed, answering, form.open,
    )  # fmt: skip
    overviews = Overviews(store, directory, rules, clock)
    home = HomeListeners(overviews, client, answering, form.open)
    refresher = HomeRefresher(Changes(store, directory, rules, clock).concerned, home.publish)
    running.callback(refresher.stop)
    refresher.start()
    talk = Conversation(domain.requests, domain.offers, answering)
    listening = _threads(LISTENERS, "listener", running)
    gate = Gate(team, refusals)
    everything = (listeners, form, home, talk, BreakGlassListeners(domain.break_glass, answering))
    app = bolt_app(client, settings.slack_signing_secret, listening, everything, gate, verified=who is not None)
    checks = {"database": store.ping, **{f"elasticsearch {name}": each.ping for name, each in clusters.items()}}
    port = listen(settings, app, afterwards, checks, observing.metrics, team, running)
    announce(clusters, slack=who is not None, mode="socket" if settings.socket_mode else "http", port=port)
    return Reloading(settings, rules, configuration, store, clock)


@contextmanager
def domain_only(settings: Settings) -> Iterator[tuple[Domain, SlackDirectory]]:
    """The domain for one question: nothing is listened to, no worker runs, and the database is left as it is."""
    with ExitStack() as running:
        configuration = settings.configuration()
        passwords = read_passwords(configuration, settings.access_config)
        engine = open_engine(database_url(settings.database_url.get_secret_value()))
        running.callback(engine.dispose)
        beside = _threads(1, "beside", running)
        store = SqlStore(engine, "command")
        clock = SystemClock()
        here = Installation(settings.installation_id)
        clusters = connect_clusters(configuration, passwords, beside, here, clock, running)
        client = web_client(settings.slack_bot_token, settings.slack_api_url)
        directory, rules = SlackDirectory(client), Rules(configuration.policy)
        notifier = SlackNotifier(client, rules)
        yield build_domain(rules, clock, store, clusters, directory, notifier, beside), directory


@contextmanager
def by_hand(settings: Settings, clock: Clock | None = None) -> Iterator[ByHand]:
    """What a command needs that changes something, beside a running application or without one.

    Raises `SettingsError` for a database that cannot be used, and where it is not known which installation this is.
    """
    clock = clock or SystemClock()
    with ExitStack() as running:
        configuration = settings.configuration()
        passwords = read_passwords(configuration, settings.access_config)
        store = open_beside(settings, running)
        client = web_client(settings.slack_bot_token, settings.slack_api_url)
        identity = Identity(Installation(), store, clock)
        identity.recall(settings.installation_id)
        if identity.installation.id is None:
            who = _slack_takes_the_token(Team(client))
            if who is None:
                raise SettingsError(["Slack does not answer, so it is not known which installation this is. Try again"])
            identity.learn(who)
        beside = _threads(2 * REVOKERS, "beside", running)
        clusters = connect_clusters(configuration, passwords, beside, identity.installation, clock, running)
        directory, rules = SlackDirectory(client), Rules(configuration.policy)
        domain = build_domain(rules, clock, store, clusters, directory, SlackNotifier(client, rules), beside)
        yield ByHand(store, domain.revocation, domain.reconcile, clock)


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
    rules: Rules,
    clock: Clock,
    store: SqlStore,
    clusters: Clusters,
    directory: Directory,
    notifier: Notifier,
    beside: Executor,
) -> Domain:
    """The services of the domain on these ports."""
    routing = Routing(clusters, directory, rules, clock)
    approvals = Approvals(store, directory, rules, clock)
    provisioning = Provisioning(store, clusters, notifier, clock, beside)
    grants = Grants(store, approvals, provisioning, clock)
    clocks = Clocks(store, clusters, directory, rules, clock)
    return Domain(
        rules,
        Requests(store, routing, approvals, rules, clock),
        approvals,
        Automatic(store, directory, rules, approvals, grants, clock),
        grants,
        provisioning,
        Revocation(store, clusters, rules, clock),
        History(store, approvals, clusters, rules),
        Outbox(store, notifier, clock),
        clocks,
        OwnClock(store, clock),
        Reconcile(store, clusters, Adoption(directory, rules), clocks, rules, clock),
        Offers(store, routing, approvals, rules, clock),
        EndNotes(store, clock),
        Departures(store, directory, rules, clock),
        BreakGlass(store, approvals, directory, rules, clock),
    )
