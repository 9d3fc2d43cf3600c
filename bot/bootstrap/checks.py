"""What `bot check` connects with."""

from elasticsearch import Elasticsearch

from bot.access.clock import SystemClock
from bot.access.policy.model import Integration
from bot.bootstrap.slack import slack_client
from bot.checks.adapters import Adapters
from bot.cluster.catalogue.reader import CatalogueReader
from bot.cluster.client import connect
from bot.slack.directory import SlackDirectory
from bot.storage.engine import open_engine


def check_adapters() -> Adapters:
    """The adapters of the application."""
    return Adapters(SystemClock(), open_engine, slack_client, SlackDirectory, connect, _catalogue)


def _catalogue(client: Elasticsearch, integration: Integration) -> CatalogueReader:
    return CatalogueReader(client, integration.resource_owner, owners_from=integration.owners_from)
