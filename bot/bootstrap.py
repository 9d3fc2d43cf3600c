"""The only place that builds concrete objects and ties them together."""

import os
import secrets
import socket
from collections.abc import Iterator
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import structlog
from sqlalchemy.engine import URL
from sqlalchemy.exc import DBAPIError

from bot.access.approvals import Approvals
from bot.access.automatic import Automatic
from bot.access.errors import Outage, Refusal
from bot.access.grants import Grants
from bot.access.history import History
from bot.access.models import Grant, Message
from bot.access.outbox import Outbox
from bot.access.ports import Clock, Clusters, Directory, Notifier
from bot.access.refusals import Refusals
from bot.access.requests import Requests
from bot.access.routing import Routing, Rules
from bot.announcing import announce
from bot.cluster.client import connect
from bot.cluster.cluster import ElasticsearchCluster
from bot.observing import Observing, observe
from bot.reloading import Reloading
from bot.scheduler import Ticker
from bot.serving import listen
from bot.settings import Configuration, Settings, SettingsError
from bot.slack.afterwards import Afterwards
from bot.slack.app import ANSWERERS, LISTENERS, bolt_app, web_client
from bot.slack.directory import SlackDirectory
from bot.slack.errors import TokenRefused
from bot.slack.gate import Gate, Team
from bot.slack.listeners import Listeners
from bot.slack.notifier import SlackNotifier
from bot.storage.causes import cause
from bot.storage.engine import database_url, open_engine
from bot.storage.lock import DatabaseInUseError, only_one_on
from bot.storage.migrate import migrate
from bot.storage.store import SqlStore
from bot.workers import RENEW_EVERY, WorkerPool

CLUSTER_WORKERS = 16
"""Grants in work at once. Making one is bound by the cluster's hashing, about 50 ms of one of its cores."""

OUTBOX_WORKERS = 8
"""Messages in work at once: Slack takes about one a second in each conversation."""

LOOK_AT_REQUESTS_EVERY = timedelta(seconds=5)
"""How late a request that nobody decided may be closed, sent on or escalated."""

LOOK_AT_MEMBERS_EVERY = timedelta(seconds=5)
"""How late an automatic access flow follows its group where Slack does not tell of a change by itself."""

SHIP_EVERY = timedelta(seconds=2)
"""How late the audit index is, where there is one."""

log = structlog.get_logger(__name__)


class SystemClock:
    """The time of this machine."""

    def now(self) -> datetime:
        """The present, in UTC."""
        return datetime.now(UTC)


@dataclass(frozen=True)
class Domain:
    """The services of `access`, on their real ports."""

    rules: Rules
    requests: Requests
    approvals: Approvals
    automatic: Automatic
    grants: Grants
    history: History
    outbox: Outbox


class ConfiguredClusters(dict[str, ElasticsearchCluster]):
    """The cluster of each integration."""

    def __missing__(self, integration: str) -> ElasticsearchCluster:
        raise Outage(f"the integration {integration} is not configured")


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
    store = _open_store(settings, running)
    observing = observe(settings, configuration, store, clock, running)
    beside = _threads(2 * CLUSTER_WORKERS, "beside", running)
    clusters = _connect(configuration, beside, running)
    client = web_client(settings.slack_bot_token, settings.slack_api_url)
    team = Team(client)
    directory = SlackDirectory(client, team=team)
    rules = Rules(configuration.policy)
    domain = build_domain(rules, clock, store, clusters, directory, SlackNotifier(client, rules), beside)
    # The workers first: what expired while nobody ran is ended whether Slack answers, or takes its time not to.
    _start_workers(domain, store, clock, observing, running)
    verified = _slack_takes_the_token(team)
    afterwards = Afterwards(_threads(ANSWERERS, "answers", running), observing.metrics.acknowledged)

    def groups_changed() -> None:
        directory.forget_groups()
        afterwards.do(domain.automatic.look)

    refusals = Refusals(store, clock)
    listeners = Listeners(
        domain.requests, domain.approvals, domain.grants, domain.history, rules, clock,
        groups_changed, afterwards, directory, refusals,
    )  # fmt: skip
    listening = _threads(LISTENERS, "listener", running)
    gate = Gate(team, refusals)
    app = bolt_app(client, settings.slack_signing_secret, listening, listeners, gate, verified=verified)
    checks = {"database": store.ping, **{f"elasticsearch {name}": each.ping for name, each in clusters.items()}}
    port = listen(settings, app, afterwards, checks, observing.metrics, team, running)
    announce(clusters, slack=verified, mode="socket" if settings.socket_mode else "http", port=port)
    return Reloading(settings, rules, configuration, store, clock)


@contextmanager
def domain_only(settings: Settings) -> Iterator[tuple[Domain, SlackDirectory]]:
    """The domain for one question: nothing is listened to, no worker runs, and the database is left as it is."""
    with ExitStack() as running:
        configuration = settings.configuration()
        engine = open_engine(database_url(settings.database_url.get_secret_value()))
        running.callback(engine.dispose)
        beside = _threads(1, "beside", running)
        clusters = _connect(configuration, beside, running)
        client = web_client(settings.slack_bot_token, settings.slack_api_url)
        directory, rules = SlackDirectory(client), Rules(configuration.policy)
        store = SqlStore(engine, "command")
        notifier = SlackNotifier(client, rules)
        yield build_domain(rules, SystemClock(), store, clusters, directory, notifier, beside), directory


def _connect(configuration: Configuration, beside: Executor, running: ExitStack) -> ConfiguredClusters:
    clusters = ConfiguredClusters()
    for integration in configuration.policy.integrations:
        client = connect(configuration.connections[integration.name])
        cluster = ElasticsearchCluster(client, beside, integration.resource_owner)
        clusters[integration.name] = cluster
        running.callback(cluster.close)
    return clusters


def _open_store(settings: Settings, running: ExitStack) -> SqlStore:
    url = database_url(settings.database_url.get_secret_value())
    try:
        return _opened(url, running)
    except (DatabaseInUseError, OSError, ValueError, ModuleNotFoundError, DBAPIError) as error:
        raise SettingsError([f"DATABASE_URL: {cause(error, url)}"]) from None


def _opened(url: URL, running: ExitStack) -> SqlStore:
    alone = only_one_on(url)
    if alone is not None:
        running.callback(alone.close)
    engine = open_engine(url)
    running.callback(engine.dispose)
    migrate(engine)
    store = SqlStore(engine, f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(4)}")
    if alone is not None:
        store.release_all_claims()
    return store


def _threads(size: int, name: str, running: ExitStack) -> ThreadPoolExecutor:
    executor = ThreadPoolExecutor(size, thread_name_prefix=name)
    running.callback(executor.shutdown, wait=True)
    return executor


def _slack_takes_the_token(team: Team) -> bool:
    try:
        who = team.identify()
    except TokenRefused as error:
        raise SettingsError([f"SLACK_BOT_TOKEN: {error}. Copy it again from your Slack app"]) from None
    except Refusal as error:
        raise SettingsError([f"SLACK_BOT_TOKEN: {error}. `bot check` says more"]) from None
    except Outage as error:
        log.warning("cannot reach Slack yet", error=str(error))
        return False
    log.info("signed in to Slack", team=who["team"], user=who["user"])
    return True


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
    grants = Grants(store, clusters, approvals, notifier, clock, beside)
    return Domain(
        rules,
        Requests(store, routing, approvals, rules, clock),
        approvals,
        Automatic(store, directory, rules, approvals, grants, clock),
        grants,
        History(store, approvals, clusters, rules),
        Outbox(store, notifier, clock),
    )


def _start_workers(domain: Domain, store: SqlStore, clock: Clock, observing: Observing, running: ExitStack) -> None:
    grants: WorkerPool[Grant] = WorkerPool(
        "grants", CLUSTER_WORKERS, store, clock,
        claim=lambda write, now, until, most: write.claim_grants(now, until, most),
        next_due=lambda read: read.next_grant_due(),
        work=domain.grants.work,
    )  # fmt: skip
    messages: WorkerPool[Message] = WorkerPool(
        "outbox", OUTBOX_WORKERS, store, clock,
        claim=lambda write, now, until, most: write.claim_messages(now, until, most),
        next_due=lambda read: read.next_message_due(),
        work=domain.outbox.work,
    )  # fmt: skip
    ticker = Ticker()
    ticker.every(RENEW_EVERY, grants.renew, "hold on to grants")
    ticker.every(RENEW_EVERY, messages.renew, "hold on to messages")
    ticker.every(LOOK_AT_REQUESTS_EVERY, domain.requests.expire_overdue, "expire requests")
    ticker.every(LOOK_AT_REQUESTS_EVERY, domain.requests.route_waiting, "route requests that wait")
    ticker.every(LOOK_AT_REQUESTS_EVERY, domain.approvals.escalate_due, "remind and escalate")
    ticker.every(LOOK_AT_MEMBERS_EVERY, domain.automatic.look, "automatic access flows")
    if observing.shipping is not None:
        ticker.every(SHIP_EVERY, observing.ship, "send the audit trail on")
    for pool in (messages, grants):  # stopped the other way round: ending a grant owes messages
        store.on_work(pool.wake)
        pool.start()
        running.callback(pool.stop)
    ticker.start()
    running.callback(ticker.stop)
