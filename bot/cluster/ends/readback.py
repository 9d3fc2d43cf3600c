"""Reads back from the cluster everything that a removal has left, and writes the receipts.

A read that meets a frozen node hangs, while the same read of another copy is answered: reads are short and repeated.
"""

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeVar

from elastic_transport import ObjectApiResponse
from elasticsearch import Elasticsearch

from bot.access.errors import Outage, Refusal
from bot.access.models.receipts import Receipt
from bot.cluster.client import ask_if_exists

MOST_KEYS = 10_000
"""Keys in one search, the limit of a search without paging ("max_result_window", Elasticsearch)."""

READ_SECONDS = 2.0
READS = 3
"""Reads in a row go to the copies of the data in turn (measured on 9.5.3, with the copy on a frozen node)."""

_Answer = TypeVar("_Answer")


@dataclass
class Removals:
    """A batch of names in removal. `errors` has the errors of each name; `final` has those that the cluster refused."""

    all: Sequence[str]
    users: Mapping[str, Any] = field(default_factory=dict)
    roles: Mapping[str, Any] = field(default_factory=dict)
    ours: list[str] = field(default_factory=list)
    foreign: set[str] = field(default_factory=set)
    ended: dict[str, int] = field(default_factory=dict)
    tokens_ended: dict[str, int | None] = field(default_factory=dict)
    errors: dict[str, list[str]] = field(default_factory=dict)
    final: set[str] = field(default_factory=set)
    gone_at: dict[str, datetime] = field(default_factory=dict)

    def note(self, error: Outage | Refusal, names: Sequence[str]) -> None:
        """Notes the error for each of these names."""
        for name in names:
            self.errors.setdefault(name, []).append(str(error))
            if isinstance(error, Refusal):
                self.final.add(name)

    def attempt(self, names: Sequence[str], call: Callable[[], _Answer]) -> _Answer | None:
        """The result of the call; `None` if it failed, with the error noted for each of these names."""
        try:
            return call()
        except (Outage, Refusal) as error:
            self.note(error, names)
            return None

    def in_doubt(self) -> list[str]:
        """Our names of which a call failed: it may have taken effect all the same, or on some nodes."""
        return [name for name in self.ours if name in self.errors]

    def errors_of(self, name: str) -> tuple[str, ...]:
        """The errors of one name, each once."""
        return tuple(dict.fromkeys(self.errors.get(name, ())))

    def unconfirmed(self, name: str) -> Receipt:
        """The receipt of a name about which nothing is known."""
        return Receipt(
            user_gone=False, role_gone=False, keys_left=None, errors=self.errors_of(name), final=name in self.final
        )


@dataclass(frozen=True)
class Readback:
    """Reads the users, roles and live API keys of a batch."""

    client: Elasticsearch

    def receipts(self, names: Removals, *, disable: bool) -> list[Receipt]:
        """Reads the cluster again: one receipt for each name, in that order."""
        users = names.attempt(names.ours, lambda: self.users(names.ours))
        roles = names.attempt(names.ours, lambda: self.roles(names.ours))
        keys = names.attempt(names.ours, lambda: self.keys(names.ours))
        receipts = []
        for each in names.all:
            if each in names.foreign:
                error = f"{each} does not say that es-access made it, so it was left alone"
                receipts.append(Receipt(False, False, None, (error,), foreign=True, final=True))
                continue
            user = None if users is None else users.get(each)
            receipts.append(
                Receipt(
                    user_gone=users is not None and user is None,
                    role_gone=roles is not None and each not in roles,
                    keys_left=None if keys is None else len(keys.get(each, ())),
                    errors=names.errors_of(each),
                    user_disabled=disable and user is not None and not user["enabled"] and not user["roles"],
                    keys_ended=names.ended.get(each, 0),
                    tokens_ended=names.tokens_ended.get(each),
                    final=each in names.final,
                    gone_at=None if each in names.ended else names.gone_at.get(each),
                )
            )
        return receipts

    def users(self, names: Sequence[str]) -> Mapping[str, Any]:
        """The existing users, by name."""
        return self._read(lambda client: client.security.get_user(username=list(names))) if names else {}

    def roles(self, names: Sequence[str]) -> Mapping[str, Any]:
        """The existing roles, by name."""
        return self._read(lambda client: client.security.get_role(name=list(names))) if names else {}

    def keys(self, names: Sequence[str]) -> Mapping[str, Sequence[Mapping[str, Any]]]:
        """The live API keys of each name."""
        if not names:
            return {}
        found: dict[str, list[Mapping[str, Any]]] = {}
        for each in self._live_keys(names):
            found.setdefault(each["username"], []).append(each)
        return found

    def _live_keys(self, names: Sequence[str]) -> Sequence[Mapping[str, Any]]:
        if len(names) == 1:
            (name,) = names
            only = self._read(lambda client: client.security.get_api_key(username=name, active_only=True))
            return list(only.get("api_keys", ()))
        query = {
            "bool": {
                "filter": [{"terms": {"username": list(names)}}, {"term": {"invalidated": False}}],
                "must_not": {"range": {"expiration": {"lte": "now"}}},
            }
        }
        found = self._read(lambda client: client.security.query_api_keys(query=query, size=MOST_KEYS))
        return list(found.get("api_keys", ()))

    def _read(self, call: Callable[[Elasticsearch], ObjectApiResponse[Any]]) -> dict[str, Any]:
        """Raises `Outage`, `Refusal`."""
        client = reading(self.client)
        return read_again(lambda: ask_if_exists(client, lambda: call(client)))


def reading(client: Elasticsearch) -> Elasticsearch:
    """The client for one read, which is short."""
    return client.options(request_timeout=READ_SECONDS)


def read_again(read: Callable[[], _Answer]) -> _Answer:
    """The result of a short read, which is repeated while it is not answered. Raises `Outage`, `Refusal`."""
    for _ in range(READS - 1):
        with suppress(Outage):
            return read()
    return read()
