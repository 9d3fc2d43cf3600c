"""What `bot connect` works with."""

from bot.cluster.client import connect
from bot.config.settings import variables
from bot.setup.connector import NewConnector, find_new_connector


def new_connector(cluster: str | None) -> NewConnector:
    """The connector account that the settings want. Raises `Refusal`, `SettingsError`."""
    return find_new_connector(variables(), cluster, connect)
