"""Ends the sessions of users: their OAuth tokens, which outlive the password that they were made with, and the user."""

from elasticsearch import Elasticsearch

from bot.access.errors import Outage
from bot.cluster.client import ask_if_available


def end_tokens(client: Elasticsearch, username: str) -> int | None:
    """Invalidates the access and refresh tokens of that user, existing or deleted, and returns how many there were.

    `None`: the cluster has no tokens, with a Basic licence or with the token service turned off. Raises `Outage`,
    `Refusal`. Each session has one token of each kind.
    """
    answer = ask_if_available(client, lambda: client.security.invalidate_token(username=username))
    if answer is None:
        return None
    if answer.get("error_count"):
        raise Outage(f"Elasticsearch could not invalidate {answer['error_count']} tokens")
    return int(answer["invalidated_tokens"])
