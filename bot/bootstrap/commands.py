"""The objects behind the commands other than `bot run`."""

import os
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from bot.access.audit.chain_identity import chain_id
from bot.access.clock import SystemClock
from bot.access.grants.write_off import WriteOff
from bot.access.policy.current import CurrentPolicy
from bot.access.ports import Clock
from bot.access.rotation import Rotation
from bot.access.store.store import Store
from bot.bootstrap.clusters import connect_clusters
from bot.bootstrap.database import has_tables, open_command_store
from bot.bootstrap.domain import build_domain, open_threads
from bot.bootstrap.slack import sign_in, slack_client
from bot.cluster.client import connect
from bot.cluster.connector.account import ElasticsearchAccount
from bot.cluster.ownership import Installation
from bot.config.settings import Settings, SettingsError, SettingsProblem
from bot.observability.logs import Scrubber
from bot.runtime.admin import AdminCommands
from bot.runtime.background import REVOKERS, Domain
from bot.runtime.connector_rotation import read_passwords, rotation_of
from bot.runtime.installation import InstallationIdentity
from bot.slack.directory import SlackDirectory
from bot.slack.membership import Team
from bot.slack.notifier import SlackNotifier
from bot.storage.engine import database_url, open_engine


@contextmanager
def domain_only(settings: Settings, scrubber: Scrubber) -> Iterator[tuple[Domain, SlackDirectory]]:
    """The domain for one question. It listens to nothing, runs no workers and does not change the database."""
    with ExitStack() as running:
        configuration = settings.configuration()
        passwords = read_passwords(configuration, settings.access_config, scrubber)
        engine = open_engine(database_url(settings.database_url.get_secret_value()))
        running.callback(engine.dispose)
        executor = open_threads(1, "posts", running)
        store = Store(engine, "command")
        clock = SystemClock()
        installation = Installation(settings.installation_id)
        clusters = connect_clusters(configuration, passwords, 1, installation, clock, running)
        client = slack_client(settings)
        directory, current = SlackDirectory(client), CurrentPolicy(configuration.policy)
        notifier = SlackNotifier(client, current)
        domain = build_domain(
            current, clock, store, clusters, directory, notifier, executor,
            has_memory=has_tables(engine), recording=False,
        )  # fmt: skip
        yield domain, directory


@contextmanager
def admin_commands(settings: Settings, scrubber: Scrubber, clock: Clock | None = None) -> Iterator[AdminCommands]:
    """The commands that change grants, with or without a running application.

    Raises `SettingsError` when the database cannot be used, or the installation's id is unknown.
    """
    clock = clock or SystemClock()
    with ExitStack() as running:
        configuration = settings.configuration()
        passwords = read_passwords(configuration, settings.access_config, scrubber)
        store = open_command_store(settings, running)
        chain_id(store, clock.now())
        client = slack_client(settings)
        identity = InstallationIdentity(Installation(), store, clock)
        identity.recall(settings.installation_id)
        if identity.installation.id is None:
            who = sign_in(Team(client), was_here=False)
            if who is None:
                raise SettingsError(
                    [SettingsProblem("Slack does not answer, so it is not known which installation this is. Try again")]
                )
            identity.learn(who)
        executor = open_threads(1, "posts", running)
        clusters = connect_clusters(configuration, passwords, 2 * REVOKERS, identity.installation, clock, running)
        directory, current = SlackDirectory(client), CurrentPolicy(configuration.policy)
        domain = build_domain(current, clock, store, clusters, directory, SlackNotifier(client, current), executor)
        yield AdminCommands(store, domain.revocation, domain.reconciliation, WriteOff(store, clock), clock)


@contextmanager
def rotation_only(settings: Settings, scrubber: Scrubber) -> Iterator[tuple[Rotation, dict[str, ElasticsearchAccount]]]:
    """The rotation and the accounts for `bot rotate`; other processes may run meanwhile. Raises `SettingsError`."""
    with ExitStack() as running:
        configuration = settings.configuration()
        accounts = {}
        for integration, password in read_passwords(configuration, settings.access_config, scrubber).items():
            client = connect(configuration.connections[integration], password)
            running.callback(client.close)
            accounts[integration] = ElasticsearchAccount(client, password)
        engine = open_engine(database_url(settings.database_url.get_secret_value()))
        running.callback(engine.dispose)
        store = Store(engine, f"rotate:{socket.gethostname()}:{os.getpid()}")
        yield rotation_of(configuration, accounts, store, SystemClock()), accounts
