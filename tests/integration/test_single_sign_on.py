"""People who sign in elsewhere, as their own accounts: on real nodes with a JWT realm, whose tokens the test signs.

A sign-in through a browser, as with SAML or OpenID Connect, is not to be had here. What is tested does not depend on
it: role mappings by username and realm, role names in sessions, and roles that are looked up at each request.
"""

import json
import secrets
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from dataclasses import dataclass, replace

import pytest
from elasticsearch import Elasticsearch
from pydantic import SecretStr

from bot.access.accounts.account import (
    NATIVE,
    Account,
    AccountFault,
    Accounts,
    NameTaken,
    UnusableAccount,
    personal_role_name,
)  # fmt: skip
from bot.access.clock import SystemClock
from bot.access.errors import Outage, Unanswered
from bot.access.models.limits import Limits
from bot.access.ports import Privileges
from bot.cluster.client import ClusterConnection, connect
from bot.cluster.cluster import ElasticsearchCluster
from bot.cluster.ownership import Installation
from bot.sandbox.fault_proxy import (
    PRODUCT,
    CutConnection,
    FaultProxy,
    Phase,
    ProxyAnswer,
    ProxyRequest,
    Verdict,
    failure,
)
from bot.sandbox.node import Node
from tests.identity_provider import REALM, IdentityProvider
from tests.nodes import make_visible
from tests.own_accounts import FORBIDDEN, OK, ending, new_person, part, role_of, searches

JSON = {"accept": "application/json", "content-type": "application/json"}
UNAUTHORIZED = 401


@pytest.fixture
def proxy(licensed: Node) -> Iterator[FaultProxy]:
    with FaultProxy(licensed.url) as running:
        yield running


@pytest.fixture
def accounts(licensed: Node, proxy: FaultProxy, executor: ThreadPoolExecutor) -> Iterator[Accounts]:
    username, password = licensed.connector()
    with closing(connect(ClusterConnection(username, SecretStr(password), url=proxy.url))) as client:
        yield ElasticsearchCluster(client, executor, Installation("here"), SystemClock()).accounts


@pytest.fixture
def index(licensed: Node) -> str:
    name = f"own-{secrets.token_hex(4)}"
    licensed.create_index(name, docs=[{"message": "a line"}])
    return name


@dataclass
class People:
    """Signs people in, and keeps their clients until the end of the test."""

    node: Node
    provider: IdentityProvider
    stack: ExitStack

    def by_token(self, email: str) -> Elasticsearch:
        """Signs in anew with each request."""
        return self._client(self.provider.token(email))

    def with_session(self, email: str) -> Elasticsearch:
        """Signs in now, and from then on is known by a token of the cluster's own, as in Kibana."""
        made = self.by_token(email).perform_request(
            "POST", "/_security/oauth2/token", headers=JSON, body={"grant_type": "client_credentials"}
        )
        return self._client(made.body["access_token"])

    def native_session(self, username: str, password: str) -> Elasticsearch:
        body = {"grant_type": "password", "username": username, "password": password}
        made = self.node.client().perform_request("POST", "/_security/oauth2/token", headers=JSON, body=body)
        return self._client(made.body["access_token"])

    def _client(self, token: str) -> Elasticsearch:
        return self.stack.enter_context(Elasticsearch(self.node.url, bearer_auth=token))


@pytest.fixture
def people(licensed: Node, identity_provider: IdentityProvider) -> Iterator[People]:
    security = licensed.client().security
    # Making tokens and keys is a privilege.
    security.put_role(name="staff", cluster=["manage_token", "manage_own_api_key"])
    security.put_role_mapping(name="staff", enabled=True, roles=["staff"], rules={"field": {"groups": "staff"}})
    with ExitStack() as stack:
        yield People(licensed, identity_provider, stack)


def new_account() -> Account:
    return Account(f"alice-{secrets.token_hex(4)}@example.com", REALM)


# --- sign-in, sessions, access ---


def test_access_begins_and_ends_in_a_session_that_is_open(accounts: Accounts, people: People, index: str) -> None:
    account, person = new_account(), new_person()
    role = role_of(person, part(person, index), account=account)
    assert accounts.find(account) == account
    before = people.with_session(account.username)
    assert accounts.connect(role.name, person, account, add_role=False)
    session, requests = people.with_session(account.username), people.by_token(account.username)
    assert searches(session, index) == FORBIDDEN
    for _ in range(3):
        accounts.write(role)
        assert (searches(session, index), searches(requests, index)) == (OK, OK)
        assert searches(before, index) == FORBIDDEN, "a session from before the mapping does not have the role's name"
        assert accounts.end([replace(role, parts=())], ending(role, *role.parts))[0].complete
        assert (searches(session, index), searches(requests, index)) == (FORBIDDEN, FORBIDDEN)
    assert not accounts.connect(role.name, person, account, add_role=False), "once in a lifetime"


def test_the_cluster_names_the_person(accounts: Accounts, people: People, index: str) -> None:
    account, person = new_account(), new_person()
    role = role_of(person, part(person, index), account=account)
    accounts.connect(role.name, person, account, add_role=False)
    who = people.by_token(account.username).security.authenticate()
    assert (who["username"], who["authentication_realm"]["name"]) == (account.username, REALM)
    assert role.name in who["roles"]


def test_access_of_a_native_user_begins_and_ends_in_a_session_that_is_open(
    accounts: Accounts, licensed: Node, people: People, index: str
) -> None:
    account, person = Account(f"bob-{secrets.token_hex(4)}", NATIVE), new_person()
    role = role_of(person, part(person, index), account=account)
    licensed.client().security.put_user(username=account.username, password="a password", roles=[])
    before = people.native_session(account.username, "a password")
    assert accounts.connect(role.name, person, account, add_role=True)
    session = people.native_session(account.username, "a password")
    accounts.write(role)
    assert (searches(session, index), searches(before, index)) == (OK, FORBIDDEN)
    assert accounts.end([replace(role, parts=())], ending(role, *role.parts))[0].complete
    assert searches(session, index) == FORBIDDEN


def test_a_mapping_does_not_reach_a_native_user(licensed: Node, people: People) -> None:
    name = f"carol-{secrets.token_hex(4)}"
    security = licensed.client().security
    security.put_user(username=name, password="a password", roles=["viewer"])
    security.put_role_mapping(name=name, enabled=True, roles=["mapped"], rules={"field": {"username": name}})
    assert people.native_session(name, "a password").security.authenticate()["roles"] == ["viewer"]
    security.delete_role_mapping(name=name)


LIMITS = Limits(grant=("message", "level"), hidden=("level",), query='{"term":{"level":"error"}}')


def test_limits_of_fields_and_documents_hold_in_a_session_and_are_found_again(
    accounts: Accounts, licensed: Node, people: People
) -> None:
    account, person, index = new_account(), new_person(), f"own-{secrets.token_hex(4)}"
    licensed.create_index(index, docs=[{"message": "a", "level": "error", "ssn": "1"}, {"message": "b", "level": "x"}])
    role = role_of(person, part(person, index, privileges=Privileges(("read",), limits=LIMITS)), account=account)
    accounts.connect(role.name, person, account, add_role=False)
    session = people.with_session(account.username)
    accounts.write(role)
    assert [hit["_source"] for hit in session.search(index=index)["hits"]["hits"]] == [{"message": "a"}]
    make_visible(licensed)
    (found,) = [each for page in accounts.found() for each in page if each.person == person]
    assert (found.parts, found.by_hand) == (role.parts, False)
    assert accounts.end([replace(role, parts=())], ending(role, *role.parts))[0].complete


# --- whom a mapping is for ---


@pytest.mark.parametrize("special", ["a?c", "a\\c", "a.c", "/a.c", "é", "[a]"])
def test_a_mapping_is_for_one_name_as_it_is_written(accounts: Accounts, people: People, special: str) -> None:
    person = new_person()
    account = Account(f"{special}@{person.lower()}.example", REALM)
    accounts.connect(personal_role_name(person), person, account, add_role=False)

    def holds(username: str) -> bool:
        roles: list[str] = people.by_token(username).security.authenticate()["roles"]
        return personal_role_name(person) in roles

    assert holds(account.username)
    others = ["abc", "ac", "a", special.upper()]
    assert [each for each in others if holds(f"{each}@{person.lower()}.example")] == []


@pytest.mark.parametrize("name", ["*", "*@example.com", "a*@example.com", "/.*/", "/alice@example.com/"])
@pytest.mark.parametrize("where", ["username", "realm"])
def test_a_name_that_would_match_others_is_refused(accounts: Accounts, licensed: Node, name: str, where: str) -> None:
    person = new_person()
    account = replace(new_account(), **{where: name})
    for attempt in (
        lambda: accounts.find(account),
        lambda: accounts.connect(personal_role_name(person), person, account, add_role=False),
    ):
        with pytest.raises(UnusableAccount) as raised:
            attempt()
        assert raised.value.fault is AccountFault.NAME
    assert personal_role_name(person) not in licensed.client().security.get_role_mapping()


def test_names_that_differ_in_case_alone_are_two_accounts(accounts: Accounts, people: People) -> None:
    account, person = new_account(), new_person()
    role = personal_role_name(person)
    accounts.connect(role, person, account, add_role=False)
    other = account.username.upper()
    assert role not in people.by_token(other).security.authenticate()["roles"]


def test_a_mapping_is_for_one_realm(accounts: Accounts, licensed: Node, people: People) -> None:
    account, person = replace(new_account(), realm="another"), new_person()
    role = personal_role_name(person)
    accounts.connect(role, person, account, add_role=False)
    assert role not in people.by_token(account.username).security.authenticate()["roles"]
    licensed.client().security.delete_role_mapping(name=role)


@pytest.mark.parametrize("realm", ["crop", "Corp", "native1", "reserved"])
def test_a_realm_that_the_cluster_does_not_have_is_refused(accounts: Accounts, realm: str) -> None:
    with pytest.raises(UnusableAccount) as raised:
        accounts.find(replace(new_account(), realm=realm))
    assert raised.value.fault is AccountFault.NO_REALM


# --- mappings of somebody else, and bad days ---


def test_a_mapping_of_somebody_else_is_never_touched(accounts: Accounts, licensed: Node) -> None:
    account, person = new_account(), new_person()
    role, security = personal_role_name(person), licensed.client().security
    security.put_role_mapping(name=role, enabled=False, roles=["viewer"], rules={"field": {"username": "x"}})
    before = security.get_role_mapping(name=role)
    with pytest.raises(NameTaken):
        accounts.connect(role, person, account, add_role=False)
    assert security.get_role_mapping(name=role) == before
    security.delete_role_mapping(name=role)


@pytest.mark.parametrize("by_hand", ["disabled", "for everybody", "of another role", "deleted"])
def test_our_mapping_is_set_right_after_a_change_by_hand(accounts: Accounts, licensed: Node, by_hand: str) -> None:
    account, person = new_account(), new_person()
    role, security = personal_role_name(person), licensed.client().security
    accounts.connect(role, person, account, add_role=False)
    before = security.get_role_mapping(name=role)
    changed = {**before[role]}
    if by_hand == "disabled":
        changed["enabled"] = False
    elif by_hand == "for everybody":
        changed["rules"] = {"field": {"username": "*"}}
    else:
        changed["roles"] = ["viewer"]
    changed.pop("role_templates", None)
    security.put_role_mapping(name=role, **changed)
    if by_hand == "deleted":
        security.delete_role_mapping(name=role)
    assert accounts.connect(role, person, account, add_role=False), "the person may have to sign in again"
    assert security.get_role_mapping(name=role) == before
    assert not accounts.connect(role, person, account, add_role=False)


@pytest.mark.parametrize("phase", ["before", "after"])
def test_a_mapping_that_nobody_confirms_is_made_by_the_next_attempt(
    accounts: Accounts, licensed: Node, proxy: FaultProxy, phase: Phase
) -> None:
    account, person = new_account(), new_person()
    role = personal_role_name(person)
    proxy.hook = lambda request, now: CutConnection() if (request.method, now) == ("PUT", phase) else None
    with pytest.raises(Unanswered):
        accounts.connect(role, person, account, add_role=False)
    proxy.hook = lambda request, now: failure(503) if (request.method, now) == ("GET", phase) else None
    with pytest.raises(Outage):
        accounts.connect(role, person, account, add_role=False)
    proxy.hook = None
    accounts.connect(role, person, account, add_role=False)
    assert role in licensed.client().security.get_role_mapping(name=role)


# --- API keys that the person makes meanwhile ---


@pytest.mark.parametrize("by", ["token", "session"])
def test_keys_made_with_the_role_end_with_it_and_those_made_before_stay(
    accounts: Accounts, people: People, index: str, licensed: Node, by: str
) -> None:
    account, person = new_account(), new_person()
    stays, over = part(person, index, privileges=Privileges(("monitor",))), part(person, index)
    role = role_of(person, stays, over, account=account)
    accounts.connect(role.name, person, account, add_role=False)
    client = people.by_token(account.username) if by == "token" else people.with_session(account.username)
    early = client.security.create_api_key(name="before")
    accounts.write(role)
    keys = [client.security.create_api_key(name="during", refresh=False) for _ in range(2)]

    def status(key: str) -> int:
        with Elasticsearch(licensed.url, api_key=key) as user:
            answer = user.options(ignore_status=[UNAUTHORIZED, FORBIDDEN]).search(index=index)
            return int(answer.meta.status)

    assert [status(key["encoded"]) for key in keys] == [OK, OK]
    (receipt,) = accounts.end([replace(role, parts=(stays,))], ending(role, over))
    assert (receipt.complete, receipt.keys_ended, receipt.keys_left) == (True, 2, 0)
    assert [status(key["encoded"]) for key in keys] == [UNAUTHORIZED, UNAUTHORIZED]
    assert status(early["encoded"]) == FORBIDDEN, "a key without the role is theirs"
    (receipt,) = accounts.end([replace(role, parts=())], ending(role, stays))
    assert (receipt.complete, receipt.keys_ended) == (True, 0)


@pytest.mark.parametrize("phase", ["before", "after"])
def test_keys_whose_end_nobody_confirms_are_ended_by_the_next_attempt(
    accounts: Accounts, people: People, index: str, proxy: FaultProxy, phase: Phase
) -> None:
    account, person = new_account(), new_person()
    role = role_of(person, part(person, index), account=account)
    accounts.connect(role.name, person, account, add_role=False)
    accounts.write(role)
    people.by_token(account.username).security.create_api_key(name="during")
    none, paths = replace(role, parts=()), []

    def hook(request: ProxyRequest, now: Phase) -> Verdict:
        paths.append(request.path)
        return CutConnection() if (request.method, now) == ("DELETE", phase) and "/api_key" in request.path else None

    proxy.hook = hook
    (receipt,) = accounts.end([none], ending(role, *role.parts))
    assert (receipt.keys_left, receipt.complete) == ((1, False) if phase == "before" else (0, True))
    assert receipt.errors
    assert any("/api_key/" in path and path.endswith("_clear_cache") for path in paths), "nodes may remember the key"
    proxy.hook = None
    (receipt,) = accounts.end([none], ending(role, *role.parts))
    assert (receipt.keys_left, receipt.complete) == (0, True)


# --- user profiles ---


def test_without_a_profile_nobody_can_say_whether_it_works(accounts: Accounts) -> None:
    """No profile can be made on these nodes: their index needs a type of field that no public module has."""
    person = new_person()
    assert accounts.works(new_account(), part(person, "logs-*")) is None


def profiles(*users: tuple[str, str, str]) -> dict[str, object]:
    """Elasticsearch's answer with the profiles of these users: their ids, names and realms."""
    return {
        "took": 1,
        "total": {"value": len(users), "relation": "eq"},
        "profiles": [
            {"uid": uid, "user": {"username": name, "realm_name": realm, "roles": []}, "labels": {}, "data": {}}
            for uid, name, realm in users
        ],
    }


def answer(proxy: FaultProxy, answers: Mapping[str, Mapping[str, object] | int]) -> None:
    """Calls to user profiles have these answers or errors, by the end of their path."""

    def hook(request: ProxyRequest, phase: Phase) -> Verdict:
        given = answers.get(request.path.rpartition("/")[2]) if "/profile/" in request.path else None
        if given is None or phase == "after":
            return None
        if isinstance(given, int):
            return failure(given)
        return ProxyAnswer(200, json.dumps(given).encode(), (("Content-Type", "application/json"), PRODUCT))

    proxy.hook = hook


def test_the_exact_name_is_that_of_the_profile_in_this_realm(accounts: Accounts, proxy: FaultProxy) -> None:
    asked = Account("alice@example.com", REALM)
    exact, elsewhere = ("1", "Alice@Example.com", REALM), ("2", "alice@example.com", "another")
    other = ("3", "malice@example.com", REALM)
    answer(proxy, {"_suggest": profiles(elsewhere, other)})
    assert accounts.find(asked) == asked
    answer(proxy, {"_suggest": profiles(exact, elsewhere, other)})
    assert accounts.find(asked) == Account("Alice@Example.com", REALM)
    answer(proxy, {"_suggest": profiles(exact, ("4", "alice@example.com", REALM))})
    assert accounts.find(asked) == asked
    answer(proxy, {"_suggest": profiles(exact, ("5", "ALICE@example.com", REALM))})
    with pytest.raises(UnusableAccount, match="but for capitals"):
        accounts.find(asked)


@pytest.mark.parametrize("status", [400, 403, 404, 405])
def test_a_cluster_without_profiles_takes_names_as_they_are(accounts: Accounts, proxy: FaultProxy, status: int) -> None:
    answer(proxy, {"_suggest": status})
    account = new_account()
    assert accounts.find(account) == account
    assert accounts.works(account, part(new_person(), "logs-*")) is None


@pytest.mark.parametrize(
    ("privileges", "works"),
    [
        ({"has_privilege_uids": ["1"]}, True),
        ({"has_privilege_uids": []}, False),
        ({"has_privilege_uids": [], "errors": {"count": 1, "details": {"1": {"type": "x", "reason": "y"}}}}, None),
        (404, None),
    ],
    ids=["yes", "no", "not known", "no such call"],
)
def test_the_profile_says_whether_it_works(
    accounts: Accounts, proxy: FaultProxy, privileges: Mapping[str, object] | int, works: bool | None
) -> None:
    account = new_account()
    answer(proxy, {"_suggest": profiles(("1", account.username, REALM)), "_has_privileges": privileges})
    assert accounts.works(account, part(new_person(), "logs-*")) is works


@pytest.mark.parametrize(("realm", "works"), [("native1", True), (REALM, None), ("default_native", True), ("x", None)])
def test_the_profile_of_a_native_user_has_the_name_of_its_realm(
    accounts: Accounts, proxy: FaultProxy, realm: str, works: bool | None
) -> None:
    account = Account("bob", NATIVE)
    answers: dict[str, Mapping[str, object]] = {
        "_suggest": profiles(("1", "bob", realm)),
        "_has_privileges": {"has_privilege_uids": ["1"]},
    }
    answer(proxy, answers)
    assert accounts.works(account, part(new_person(), "logs-*")) is works
