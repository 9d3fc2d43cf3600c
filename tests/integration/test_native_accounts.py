"""Native users as people's own accounts, on real nodes: which may be used, and the one change that is made to them."""

import secrets
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from elasticsearch import Elasticsearch
from pydantic import SecretStr

from bot.access.accounts.account import NATIVE, Account, AccountFault, Accounts, UnusableAccount
from bot.access.errors import Outage, Refusal, Unanswered
from bot.cluster.cluster import ElasticsearchCluster
from bot.sandbox.fault_proxy import CutConnection, FaultProxy, Phase, ProxyRequest, Verdict, failure
from bot.sandbox.node import Node
from tests.own_accounts import FORBIDDEN, OK, ending, new_person, part, role_of, searches

PASSWORD = "a password of their own"
METADATA = {"team": {"name": "sre", "floors": [1, 2]}, "since": 2019}


@pytest.fixture
def accounts(cluster: ElasticsearchCluster) -> Accounts:
    return cluster.accounts


@pytest.fixture
def user(each_node: Node) -> Iterator[Account]:
    """A user with everything that a user can have."""
    username = f"Alice-{secrets.token_hex(4)}@example.com"
    each_node.client().security.put_user(
        username=username, password=PASSWORD, roles=["viewer", "no-such-role"], full_name="Alice Adams",
        email="alice@example.com", metadata=METADATA, refresh=True,
    )  # fmt: skip
    yield Account(username, NATIVE)
    each_node.client().options(ignore_status=404).security.delete_user(username=username)


def there(node: Node, account: Account) -> dict[str, Any]:
    found: dict[str, Any] = node.client().security.get_user(username=account.username)[account.username]
    return found


def signed_in(node: Node, account: Account) -> Elasticsearch:
    return node.client_of(account.username, PASSWORD)


def refused(accounts: Accounts, account: Account) -> AccountFault:
    with pytest.raises(UnusableAccount) as raised:
        accounts.find(account)
    return raised.value.fault


# --- which users may be used ---


def test_a_user_is_found_by_its_exact_name(accounts: Accounts, user: Account) -> None:
    assert accounts.find(user) == user
    assert refused(accounts, replace(user, username=user.username.lower())) is AccountFault.MISSING
    assert refused(accounts, replace(user, username=f"{user.username},nobody")) is AccountFault.MISSING


def test_a_disabled_user_is_refused(accounts: Accounts, each_node: Node, user: Account) -> None:
    each_node.client().security.disable_user(username=user.username)
    assert refused(accounts, user) is AccountFault.DISABLED
    each_node.client().security.enable_user(username=user.username)
    assert accounts.find(user) == user


@pytest.mark.parametrize("name", ["elastic", "kibana_system", "remote_monitoring_user"])
def test_reserved_users_are_refused(accounts: Accounts, name: str) -> None:
    assert refused(accounts, Account(name, NATIVE)) is AccountFault.RESERVED


def test_users_of_the_application_are_refused(
    accounts: Accounts, each_node: Node, cluster: ElasticsearchCluster
) -> None:
    assert refused(accounts, Account(each_node.connector().username, NATIVE)) is AccountFault.MANAGES_SECURITY
    made = replace(part(new_person(), "logs-a"), username=f"es-access-{secrets.token_hex(4)}")
    cluster.create(made, SecretStr(secrets.token_urlsafe(24)))
    assert refused(accounts, Account(made.username, NATIVE)) is AccountFault.RESERVED
    assert cluster.remove([made.username])[0].complete


@pytest.mark.parametrize(
    "body",
    [
        {"cluster": ["manage_security"]},
        {"cluster": ["monitor", "ALL"]},
        {"cluster": ["cluster:admin/xpack/security/*"]},
        {"cluster": ["cluster:*"]},
        {"run_as": ["*"]},
        "superuser",
    ],
    ids=str,
)
def test_users_who_may_manage_security_are_refused(
    accounts: Accounts, each_node: Node, user: Account, body: dict[str, Any] | str
) -> None:
    role = body if isinstance(body, str) else f"powerful-{secrets.token_hex(4)}"
    security = each_node.client().security
    if isinstance(body, dict):
        security.put_role(name=role, **body)
    security.put_user(username=user.username, roles=["viewer", role])
    assert refused(accounts, user) is AccountFault.MANAGES_SECURITY


def test_what_an_administrator_may_do_besides_is_no_reason(accounts: Accounts, each_node: Node, user: Account) -> None:
    security = each_node.client().security
    security.put_role(name="operator", cluster=["manage", "monitor", "read_security", "manage_own_api_key"])
    security.put_user(username=user.username, roles=["operator", "editor"])
    assert accounts.find(user) == user


@pytest.mark.parametrize("name", ["", " ", "a ", "*", "a*", "/.*/", "a\nb", "a\x00", "x" * 600])
def test_a_name_that_no_account_can_have_is_refused(accounts: Accounts, name: str) -> None:
    assert refused(accounts, Account(name, NATIVE)) is AccountFault.NAME


def test_a_cluster_that_does_not_answer_refuses_nobody(accounts: Accounts, user: Account, proxy: FaultProxy) -> None:
    for path in ("/_security/user/", "/_security/role/"):
        proxy.hook = lambda request, phase, path=path: (
            failure(503) if phase == "before" and request.path.startswith(path) else None
        )
        with pytest.raises(Outage):
            accounts.find(user)


# --- the name of the role ---


def test_the_name_of_the_role_is_added_once_and_nothing_else_is_changed(
    accounts: Accounts, each_node: Node, user: Account
) -> None:
    role, before = role_of(new_person()), there(each_node, user)
    assert accounts.connect(role.name, role.person, user, add_role=True)
    assert there(each_node, user) == {**before, "roles": ["viewer", "no-such-role", role.name]}
    assert not accounts.connect(role.name, role.person, user, add_role=True)
    assert not accounts.connect(role.name, role.person, user, add_role=False)
    with signed_in(each_node, user) as client:
        assert client.security.authenticate()["username"] == user.username


def test_the_user_has_access_while_the_role_exists(accounts: Accounts, each_node: Node, user: Account) -> None:
    index, person = f"own-{secrets.token_hex(4)}", new_person()
    each_node.create_index(index, docs=[{"message": "a line"}])
    role = role_of(person, part(person, index), account=user)
    each_node.client().security.put_user(username=user.username, roles=["no-such-role"])
    with signed_in(each_node, user) as client:
        accounts.connect(role.name, person, user, add_role=True)
        assert searches(client, index) == FORBIDDEN
        accounts.write(role)
        assert searches(client, index) == OK
        accounts.find(user)
        assert accounts.end([replace(role, parts=())], ending(role, *role.parts))[0].complete
        assert searches(client, index) == FORBIDDEN


def test_without_leave_to_change_it_a_user_who_lacks_the_name_is_refused_and_unchanged(
    accounts: Accounts, each_node: Node, user: Account
) -> None:
    role, before = role_of(new_person()), there(each_node, user)
    with pytest.raises(UnusableAccount) as raised:
        accounts.connect(role.name, role.person, user, add_role=False)
    assert raised.value.fault is AccountFault.NO_ROLE_NAME
    assert role.name in str(raised.value)
    assert there(each_node, user) == before


def test_two_users_never_hold_one_role(accounts: Accounts, each_node: Node, user: Account) -> None:
    role = role_of(new_person())
    other = f"other-{secrets.token_hex(4)}"
    each_node.client().security.put_user(username=other, password=PASSWORD, roles=[role.name], refresh=True)
    with pytest.raises(Refusal, match=other):
        accounts.connect(role.name, role.person, user, add_role=True)
    assert role.name not in there(each_node, user)["roles"]
    each_node.client().security.delete_user(username=other)


def test_a_user_who_is_gone_is_not_made(accounts: Accounts, each_node: Node, user: Account) -> None:
    each_node.client().security.delete_user(username=user.username)
    role = role_of(new_person())
    with pytest.raises(UnusableAccount) as raised:
        accounts.connect(role.name, role.person, user, add_role=True)
    assert raised.value.fault is AccountFault.MISSING


def test_a_life_takes_fewer_calls_than_that_of_a_password(
    accounts: Accounts, cluster: ElasticsearchCluster, user: Account, proxy: FaultProxy
) -> None:
    paths: list[str] = []

    def hook(request: ProxyRequest, phase: Phase) -> Verdict:
        if phase == "before":
            paths.append(f"{request.method} {request.path}")
        return None

    person = new_person()
    role = role_of(person, part(person, "logs-a"), account=user)
    accounts.connect(role.name, person, user, add_role=True)
    proxy.hook = hook
    accounts.find(user)  # at the request
    accounts.find(user)  # at the decision
    accounts.connect(role.name, person, user, add_role=True)
    accounts.write(role)
    assert accounts.end([replace(role, parts=())], ending(role, *role.parts))[0].complete
    own, paths[:] = list(paths), []
    made = replace(role.parts[0], username=f"es-access-{secrets.token_hex(4)}")
    cluster.create(made, SecretStr(secrets.token_urlsafe(24)))
    assert cluster.remove([made.username])[0].complete
    proxy.hook = None
    assert (len(own), len(paths)) == (12, 14), (own, paths)


@pytest.mark.parametrize("name", ["elastic", "the user"])
def test_reserved_and_disabled_users_are_not_changed(
    accounts: Accounts, each_node: Node, user: Account, name: str
) -> None:
    account = user if name == "the user" else Account(name, NATIVE)
    each_node.client().security.disable_user(username=user.username)
    role, before = role_of(new_person()), there(each_node, account)
    with pytest.raises(UnusableAccount) as raised:
        accounts.connect(role.name, role.person, account, add_role=True)
    assert raised.value.fault in {AccountFault.RESERVED, AccountFault.DISABLED}
    assert there(each_node, account) == before


# --- while an administrator changes the same user ---


def while_written(node: Node, account: Account, proxy: FaultProxy, times: int) -> None:
    """After each of that many writes of ours, an administrator saves the user as their page had shown it before."""
    before, left = there(node, account), [None] * times

    def hook(request: ProxyRequest, phase: Phase) -> Verdict:
        if (request.method, phase) == ("PUT", "after") and left:
            left.pop()
            kept = {**before, "full_name": "Alice Brown"}
            node.client().security.put_user(**kept)
        return None

    proxy.hook = hook


def test_a_change_that_is_lost_to_an_administrator_is_made_again_on_top_of_theirs(
    accounts: Accounts, each_node: Node, user: Account, proxy: FaultProxy
) -> None:
    role, before = role_of(new_person()), there(each_node, user)
    while_written(each_node, user, proxy, times=1)
    assert accounts.connect(role.name, role.person, user, add_role=True)
    after = there(each_node, user)
    assert after == {**before, "full_name": "Alice Brown", "roles": [*before["roles"], role.name]}


def test_a_change_that_is_lost_each_time_is_told(
    accounts: Accounts, each_node: Node, user: Account, proxy: FaultProxy
) -> None:
    role = role_of(new_person())
    while_written(each_node, user, proxy, times=100)
    with pytest.raises(Refusal, match="changed by somebody else"):
        accounts.connect(role.name, role.person, user, add_role=True)
    proxy.hook = None
    assert there(each_node, user)["full_name"] == "Alice Brown", "theirs is not overwritten"


@pytest.mark.parametrize("phase", ["before", "after"])
def test_a_change_that_nobody_answers_says_so_and_the_next_attempt_finds_what_became_of_it(
    accounts: Accounts, user: Account, proxy: FaultProxy, phase: Phase
) -> None:
    role = role_of(new_person())
    proxy.hook = lambda request, now: CutConnection() if (request.method, now) == ("PUT", phase) else None
    with pytest.raises(Unanswered):
        accounts.connect(role.name, role.person, user, add_role=True)
    proxy.hook = None
    assert accounts.connect(role.name, role.person, user, add_role=True) is (phase == "before")
