"""API keys that people made with their own account while a grant of theirs was live.

A key carries the rights that its maker had, by the name of each role, and outlives them (measured on 8.19 and 9.5).
Keys of an account that do not name its personal role are none of ours and are left alone.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from elasticsearch import Elasticsearch

from bot.access.ids import PERSONAL_PREFIX
from bot.cluster.client import ask
from bot.cluster.pages import pages


@dataclass(frozen=True)
class AccountKeys:
    """The API keys of people in one cluster."""

    client: Elasticsearch

    def holding(self, roles: Mapping[str, str]) -> Mapping[str, Sequence[str]]:
        """The ids of live keys that hold these roles, by the role's name. `roles` has each role's account by its name.

        A search: keys of the last second may be missing. Raises `Outage`, `Refusal`.
        """
        query = {
            "bool": {
                "filter": [{"terms": {"username": sorted(set(roles.values()))}}, {"term": {"invalidated": False}}],
                "must_not": {"range": {"expiration": {"lte": "now"}}},
            }
        }
        search = partial(self.client.security.query_api_keys, with_limited_by=True)
        # Of each role that is not a personal one, nothing is read.
        shown = ("id", "username", f"limited_by.{PERSONAL_PREFIX}*.metadata")
        found: dict[str, list[str]] = {}
        for key in pages(self.client, "api_keys", shown, query, ["username", "creation"], search):
            for name in {name for held in key.get("limited_by", ()) for name in held}:
                if roles.get(name) == key["username"]:
                    found.setdefault(name, []).append(key["id"])
        return found

    def end(self, ids: Sequence[str]) -> frozenset[str]:
        """Invalidates these keys, and returns the ids of those that it ended. Raises `Outage`, `Refusal`."""
        invalidate = self.client.security.invalidate_api_key
        answer = ask(self.client, lambda: invalidate(ids=list(ids)))
        return frozenset(answer.get("invalidated_api_keys", ()))
