"""The inventory of a real node of each version, for the connector account; and its clock."""

import secrets
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from elasticsearch import Elasticsearch
from pydantic import SecretStr

from bot.access.errors import Outage
from bot.access.ports import CredentialSpec, InventoryItem, Privileges
from bot.cluster.client import ClusterConnection, connect
from bot.cluster.cluster import ElasticsearchCluster
from bot.cluster.ownership import METADATA_KEY, Installation
from bot.cluster.pages import PAGE
from bot.sandbox.node import Node
from bot.sandbox.node.node import CONNECTOR_NAME

HOUR = timedelta(hours=1)
HASH = "$2a$04$" + "8" * 53
"""A hash of no known password, so that the node need not compute one."""


class MovedClock:
    """The machine's time plus something."""

    def __init__(self, by: timedelta = timedelta(0)) -> None:
        self.by = by

    def now(self) -> datetime:
        return datetime.now(UTC) + self.by


Joined = Callable[..., ElasticsearchCluster]


@pytest.fixture
def joined(each_node: Node) -> Iterator[Joined]:
    """Makes the adapter of an installation, with the connector account. Its users and roles are removed at the end."""
    username, password = each_node.connector()
    client = connect(ClusterConnection(username=username, password=SecretStr(password), url=each_node.url))
    with ThreadPoolExecutor(4) as executor:

        def join(name: str | None, clock: MovedClock | None = None) -> ElasticsearchCluster:
            return ElasticsearchCluster(client, executor, Installation(name), clock or MovedClock())

        yield join
        _clear(each_node.client())
        client.close()


@pytest.fixture
def name() -> str:
    """The name of a new installation."""
    return f"T{secrets.token_hex(4)}"


def spec(until: datetime | None = None, username: str | None = None) -> CredentialSpec:
    return CredentialSpec(
        grant_id="REQ-7K3F9Q",
        username=username or f"es-access-{secrets.token_hex(4)}",
        requester="U0ALICE",
        patterns=("granted-*", "other"),
        privileges=Privileges(indices=("read", "view_index_metadata")),
        expires_at=until or datetime.now(UTC) + HOUR,
    )


def password() -> SecretStr:
    return SecretStr(secrets.token_urlsafe(24))


def all_found(node: Node, cluster: ElasticsearchCluster) -> dict[str, InventoryItem]:
    """The inventory, once searches see everything that was made."""
    make_visible(node.client())
    pages = list(cluster.found())
    found = [each for page in pages for each in page]
    assert all(0 < len(page) <= PAGE for page in pages)
    assert len({each.username for each in found}) == len(found)
    # The connector account has such a name as well, without a mark of an installation.
    return {each.username: each for each in found if each.username != CONNECTOR_NAME}


def make_visible(client: Elasticsearch) -> None:
    """Makes all writes visible to searches, by one write with a refresh."""
    client.security.put_user(username="refreshed", password_hash=HASH, roles=[], refresh=True)


def test_a_user_with_its_role_is_found_as_one(each_node: Node, joined: Joined, name: str) -> None:
    cluster, made = joined(name), spec()
    cluster.create(made, password())
    assert all_found(each_node, cluster) == {
        made.username: InventoryItem(
            username=made.username, grant_id="REQ-7K3F9Q", requester="U0ALICE", expires_at=made.expires_at,
            user=True, enabled=True, role=True, patterns=made.patterns, privileges=made.privileges,
        )
    }  # fmt: skip


def test_a_key_is_found_without_its_user_and_says_what_it_may_do(each_node: Node, joined: Joined, name: str) -> None:
    cluster, made = joined(name), spec()
    first = cluster.grant_key(made, password())
    second = cluster.grant_key(made, password())
    assert all_found(each_node, cluster) == {
        made.username: InventoryItem(
            username=made.username, grant_id="REQ-7K3F9Q", requester="U0ALICE", expires_at=made.expires_at,
            user=False, enabled=False, role=False, key_ids=(first.key_id or "", second.key_id or ""),
            patterns=made.patterns, privileges=made.privileges,
        )
    }  # fmt: skip
    cluster.remove([made.username])
    assert all_found(each_node, cluster) == {}


ASKED = {
    "a star at the beginning": (("*-granted", "other"), (), ()),
    "two stars that are shared": (("granted-*-a", "granted-*-b"), (), ()),
    "hidden names": ((".granted-*-a", ".granted-*-b"), (), ()),
    "without excluded names": (("granted-*",), (), ("granted-secret-*", "*-private")),
    "without an alias of hidden data": (("granted-*", "other"), ("granted-hidden",), ()),
}


@pytest.mark.parametrize(("patterns", "withheld", "excluded"), ASKED.values(), ids=ASKED)
def test_the_patterns_that_people_asked_for_are_found_behind_the_names_of_a_role(
    each_node: Node, joined: Joined, name: str, patterns: tuple[str, ...], withheld: tuple[str, ...],
    excluded: tuple[str, ...],
) -> None:  # fmt: skip
    cluster = joined(name)
    held, of_key = (replace(spec(), patterns=patterns, withheld=withheld, excluded=excluded) for _ in range(2))
    cluster.create(held, password())
    cluster.grant_key(of_key, password())
    found = all_found(each_node, cluster)
    for made in (held, of_key):
        item = found[made.username]
        assert (item.patterns, item.excluded) == (patterns, (*withheld, *excluded))
    role = each_node.client().security.get_role(name=held.username)[held.username]
    each_node.client().security.put_role(
        name=held.username, metadata=role["metadata"], indices=[{"names": ["*"], "privileges": ["read"]}],
    )  # fmt: skip
    changed = all_found(each_node, cluster)[held.username]
    assert (changed.patterns, changed.excluded) == (("*",), ()), "what it gives counts, not what it was made for"


EVERY_KIND = Privileges(
    indices=("read", "view_index_metadata"),
    kibana=("feature_discover.read", "feature_dashboard.all"),
    spaces=("default", "sales"),
    cluster=("monitor",),
    run_as=("reports",),
    restricted_indices=True,
)
"""Something of everything that a permission may give."""


@pytest.mark.parametrize("key", [False, True], ids=["password", "API key"])
def test_everything_that_a_role_or_a_key_gives_is_found(each_node: Node, joined: Joined, name: str, key: bool) -> None:
    cluster, made = joined(name), replace(spec(), privileges=EVERY_KIND)
    if key:
        cluster.grant_key(made, password())
    else:
        cluster.create(made, password())
    assert all_found(each_node, cluster)[made.username].privileges == EVERY_KIND


def test_the_end_that_was_written_last_counts(each_node: Node, joined: Joined, name: str) -> None:
    cluster, made = joined(name), spec()
    cluster.create(made, password())
    later = spec(made.expires_at + HOUR, made.username)
    cluster.extend(later)
    assert all_found(each_node, cluster)[made.username].expires_at == later.expires_at


def test_a_role_alone_and_a_disabled_user_are_found_as_that(each_node: Node, joined: Joined, name: str) -> None:
    cluster, alone, kept = joined(name), spec(), spec()
    for each in (alone, kept):
        cluster.create(each, password())
    each_node.client().security.delete_user(username=alone.username)
    cluster.remove([kept.username], disable=True)
    found = all_found(each_node, cluster)
    role, user = found[alone.username], found[kept.username]
    assert (role.user, role.role, role.usable, role.patterns) == (False, True, False, alone.patterns)
    assert (user.user, user.role, user.usable) == (True, False, False)


def test_two_installations_do_not_see_each_other(each_node: Node, joined: Joined, name: str) -> None:
    ours, theirs, mine, other = joined(name), joined(f"{name}-2"), spec(), spec()
    ours.create(mine, password())
    theirs.create(other, password())
    key = spec()
    theirs.grant_key(key, password())
    assert set(all_found(each_node, ours)) == {mine.username}
    assert set(all_found(each_node, theirs)) == {other.username, key.username}
    (receipt,) = ours.remove([other.username])
    assert receipt.foreign
    assert theirs.exists(other.username, None)


def test_a_key_that_somebody_else_made_for_our_user_is_found_with_it(
    each_node: Node, joined: Joined, name: str
) -> None:
    cluster, made, secret = joined(name), spec(), password()
    cluster.create(made, secret)
    key = each_node.client().security.grant_api_key(
        grant_type="password", username=made.username, password=secret.get_secret_value(),
        api_key={"name": "by an administrator"}, refresh=True,
    )  # fmt: skip
    assert all_found(each_node, cluster)[made.username].key_ids == (key["id"],)


def test_what_was_made_before_there_were_ids_is_not_marked(each_node: Node, joined: Joined, name: str) -> None:
    cluster, made = joined(name), spec()
    old = {METADATA_KEY: {"grant": "REQ-7K3F9Q", "requester": "U0ALICE", "expires_at": "tomorrow"}}
    security = each_node.client().security
    security.put_role(name=made.username, indices=[{"names": ["a"], "privileges": ["read"]}], metadata=old)
    security.put_user(username=made.username, password_hash=HASH, roles=[], metadata=old)
    found = all_found(each_node, cluster)[made.username]
    assert (found.marked, found.grant_id, found.expires_at, found.role) == (False, "REQ-7K3F9Q", None, True)


def test_a_name_like_ours_says_nothing(each_node: Node, joined: Joined, name: str) -> None:
    each_node.client().security.put_user(username="es-access-somebody", password_hash=HASH, roles=[])
    assert not all_found(each_node, joined(name))["es-access-somebody"].marked


def test_a_copy_of_our_role_under_another_name_is_not_ours(each_node: Node, joined: Joined, name: str) -> None:
    cluster, made = joined(name), spec()
    cluster.create(made, password())
    security = each_node.client().security
    body: dict[str, Any] = dict(security.get_role(name=made.username).body[made.username])
    security.put_role(name="copy-of-a-role", indices=body["indices"], metadata=body["metadata"])
    try:
        assert set(all_found(each_node, cluster)) == {made.username}
    finally:
        security.delete_role(name="copy-of-a-role")


def test_nothing_is_found_before_it_is_known_whose_it_would_be(joined: Joined) -> None:
    with pytest.raises(Outage, match="which installation"):
        list(joined(None).found())


def test_more_than_a_page_is_found_once_each(each_node: Node, joined: Joined, name: str) -> None:
    many = 2 * PAGE + 1
    names = [f"es-access-m{number:05d}" for number in range(many)]
    mark = Installation(name).metadata(spec())
    security = each_node.client().options(request_timeout=60).security
    role = {"indices": [{"names": ["logs-*"], "privileges": ["read"]}]}
    for start in range(0, many, PAGE):
        roles = {
            each: {**role, "metadata": {METADATA_KEY: {**mark[METADATA_KEY], "grant": f"REQ-{each[-6:]}"}}}
            for each in names[start : start + PAGE]
        }
        security.bulk_put_role(roles=roles, refresh=False)
    users = names[::2]
    with ThreadPoolExecutor(8) as threads:
        made = threads.map(
            lambda each: security.put_user(
                username=each, password_hash=HASH, roles=[each], metadata=mark, refresh=False
            ),
            users,
        )
        assert all(each["created"] for each in made)
    found = all_found(each_node, joined(name))
    assert set(found) == set(names)
    assert sum(1 for each in found.values() if each.role) == many
    assert {each.username for each in found.values() if each.user} == set(users)


# --- clocks ---


@pytest.mark.parametrize("by", [timedelta(0), timedelta(minutes=10), timedelta(minutes=-10)])
def test_the_difference_of_the_clocks_is_measured(joined: Joined, name: str, by: timedelta) -> None:
    cluster = joined(name, MovedClock(by))
    cluster.ahead()  # the first call opens the connection
    assert abs(cluster.ahead() + by) < timedelta(seconds=1)


@pytest.mark.parametrize(("by", "left"), [(-10, 50), (0, 60), (10, 60)])
def test_a_key_ends_by_the_clock_that_is_there_first(
    each_node: Node, joined: Joined, name: str, by: int, left: int
) -> None:
    """Ours is `by` minutes later than the cluster's, and so is the end, an hour from now."""
    clock = MovedClock(timedelta(minutes=by))
    granted = joined(name, clock).grant_key(spec(clock.now() + HOUR), password())
    (key,) = each_node.client().security.get_api_key(id=granted.key_id)["api_keys"]
    assert abs(key["expiration"] / 1000 - time.time() - left * 60) < 5


def _clear(client: Elasticsearch) -> None:
    security = client.options(ignore_status=404).security
    make_visible(client)
    users, roles = (
        [each for each in found if each.startswith("es-access-") and each != CONNECTOR_NAME]
        for found in (security.get_user().body, security.get_role().body)
    )
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(lambda each: security.delete_user(username=each, refresh=False), users))
    for start in range(0, len(roles), PAGE):
        security.bulk_delete_role(names=roles[start : start + PAGE], refresh=False)
    security.invalidate_api_key(realm_name="default_native")
