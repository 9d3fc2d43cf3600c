"""The only place that builds concrete objects and ties them together."""

import os
import secrets
import socket
from collections.abc import Iterator
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from typing import Any

import structlog
from slack_bolt import App
from slack_bolt.adapter.wsgi import SlackRequestHandler
from slack_sdk import WebClient
from sqlalchemy.engine import URL
from sqlalchemy.exc import DBAPIError

from bot.access.approvals import Approvals
from bot.access.automatic import Automatic
from bot.access.before_end import EndNotes
from bot.access.departures import Departures
from bot.access.errors import Outage, Refusal
from bot.access.grants import Grants
from bot.access.history import History
from bot.access.offers import Offers
from bot.access.outbox import Outbox
from bot.access.ports import Clock, Clusters, Directory, Notifier
from bot.access.provisioning import Provisioning
from bot.access.requests import Requests
from bot.access.revocation import Revocation
from bot.access.routing import Routing, Rules
from bot.announcing import announce
from bot.cluster.client import connect
from bot.cluster.cluster import ElasticsearchCluster
from bot.cluster.marks import Installation
from bot.duties import CLUSTER_WORKERS, Domain, start_duties
from bot.identity import Identity
from bot.reloading import Reloading
from bot.settings import Configuration, Settings, SettingsError
from bot.slack.afterwards import Afterwards
from bot.slack.app import ANSWERERS, LISTENERS, SocketMode, bolt_app, identify, web_client
from bot.slack.conversation import Conversation
from bot.slack.directory import SlackDirectory
from bot.slack.errors import TokenRefused
from bot.slack.listeners import Listeners
from bot.slack.notifier import SlackNotifier
from bot.storage.causes import cause
from bot.storage.engine import database_url, open_engine
from bot.storage.lock import DatabaseInUseError, only_one_on
from bot.storage.migrate import migrate
from bot.storage.store import SqlStore
from bot.web import SLACK_PATH, Health, WebServer, WsgiApp, with_slack

log = structlog.get_logger(__name__)


class SystemClock:
    """The time of this machine."""

    def now(self) -> datetime:
        """The present, in UTC."""
        return datetime.now(UTC)


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
    beside = _threads(2 * CLUSTER_WORKERS, "beside", running)
    identity = Identity(Installation(), store, clock)
    identity.recall(settings.installation_id)
    clusters = _connect(configuration, beside, identity.installation, running)
    client = web_client(settings.slack_bot_token, settings.slack_api_url)
    directory = SlackDirectory(client)
    rules = Rules(configuration.policy)
    domain = build_domain(rules, clock, store, clusters, directory, SlackNotifier(client, rules), beside)
    # The workers first: what expired while nobody ran is ended whether Slack answers, or takes its time not to.
    start_duties(domain, store, clock, running)
    who = _slack_takes_the_token(client)
    if who is not None:
        identity.learn(who)
    afterwards = Afterwards(_threads(ANSWERERS, "answers", running))

    def groups_changed() -> None:
        directory.forget_groups()
        afterwards.do(domain.automatic.look)
        afterwards.do(domain.departures.look)

    listeners = Listeners(
        domain.requests, domain.approvals, domain.grants, domain.history, rules, clock,
        groups_changed, afterwards,
    )  # fmt: skip
    talk = Conversation(domain.requests, domain.offers, afterwards)
    listening = _threads(LISTENERS, "listener", running)
    app = bolt_app(client, settings.slack_signing_secret, listening, (listeners, talk), verified=who is not None)
    port = _listen(settings, app, afterwards, store, clusters, running)
    announce(clusters, slack=who is not None, mode="socket" if settings.socket_mode else "http", port=port)
    return Reloading(settings, rules, configuration, store, clock)


@contextmanager
def domain_only(settings: Settings) -> Iterator[tuple[Domain, SlackDirectory]]:
    """The domain for one question: nothing is listened to, no worker runs, and the database is left as it is."""
    with ExitStack() as running:
        configuration = settings.configuration()
        engine = open_engine(database_url(settings.database_url.get_secret_value()))
        running.callback(engine.dispose)
        beside = _threads(1, "beside", running)
        store = SqlStore(engine, "command")
        clusters = _connect(configuration, beside, Installation(settings.installation_id), running)
        client = web_client(settings.slack_bot_token, settings.slack_api_url)
        directory, rules = SlackDirectory(client), Rules(configuration.policy)
        notifier = SlackNotifier(client, rules)
        yield build_domain(rules, SystemClock(), store, clusters, directory, notifier, beside), directory


def _connect(
    configuration: Configuration, beside: Executor, installation: Installation, running: ExitStack
) -> ConfiguredClusters:
    clusters = ConfiguredClusters()
    for integration in configuration.policy.integrations:
        client = connect(configuration.connections[integration.name])
        cluster = ElasticsearchCluster(client, beside, installation, integration.resource_owner)
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


def _slack_takes_the_token(client: WebClient) -> dict[str, Any] | None:
    try:
        who = identify(client)
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
        Offers(store, routing, approvals, rules, clock),
        EndNotes(store, clock),
        Departures(store, directory, rules, clock),
    )


def _listen(
    settings: Settings,
    app: App,
    afterwards: Afterwards,
    store: SqlStore,
    clusters: ConfiguredClusters,
    running: ExitStack,
) -> int:
    checks = {"database": store.ping, **{f"elasticsearch {name}": each.ping for name, each in clusters.items()}}
    if settings.slack_app_token is not None:
        slack = SocketMode(app, settings.slack_app_token, afterwards)
        web = _web_server(Health({**checks, "slack": slack.check}), settings, "HEALTH_PORT", settings.health_port)
        running.callback(web.stop)
        running.callback(slack.stop)
        web.start()
        slack.start()
    else:
        handler = SlackRequestHandler(app, path=SLACK_PATH)
        web = _web_server(
            with_slack(handler, Health(checks), afterwards.acknowledging), settings, "PORT", settings.port
        )
        running.callback(web.stop)
        web.start()
    return web.port


def _web_server(app: WsgiApp, settings: Settings, variable: str, port: int) -> WebServer:
    try:
        return WebServer(app, settings.host, port)
    except OSError as error:
        raise SettingsError([f"{variable}: cannot listen on port {port}: {error.strerror}"]) from None
