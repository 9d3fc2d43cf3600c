"""The privileges that Kibana has registered in a cluster."""

from elasticsearch import Elasticsearch

from bot.cluster.client import ask_if_exists
from bot.cluster.roles import KIBANA


def read_kibana_privileges(client: Elasticsearch) -> frozenset[str]:
    """Their names, such as `feature_discover.read`; empty if no Kibana has started. Raises `Outage`, `Refusal`."""
    answer = ask_if_exists(client, lambda: client.security.get_privileges(application=KIBANA))
    return frozenset(answer.get(KIBANA, ()))
