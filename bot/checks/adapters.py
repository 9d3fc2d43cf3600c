"""What the checks connect with."""

from collections.abc import Callable
from dataclasses import dataclass

from elasticsearch import Elasticsearch
from slack_sdk import WebClient
from sqlalchemy import Engine
from sqlalchemy.engine import URL

from bot.access.policy.model import Integration
from bot.access.ports import Clock
from bot.cluster.catalogue.reader import CatalogueReader
from bot.cluster.client import ClusterConnection
from bot.config.settings import Settings
from bot.slack.directory import SlackDirectory


@dataclass(frozen=True)
class Adapters:
    """Functions that open the same connections as the application does. None of them makes a call yet.

    `connect` raises `ValueError` for an address that cannot be used, and `Outage` or `Refusal` when the secret store
    does not give the password.
    """

    clock: Clock
    open_engine: Callable[[URL], Engine]
    slack_client: Callable[[Settings], WebClient]
    directory: Callable[[WebClient], SlackDirectory]
    connect: Callable[[ClusterConnection], Elasticsearch]
    catalogue: Callable[[Elasticsearch, Integration], CatalogueReader]
