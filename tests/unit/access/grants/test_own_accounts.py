"""Access for people's own accounts: given, extended and ended by the personal role alone, without any secret."""

from collections.abc import Callable
from datetime import timedelta

import pytest

from bot.access.accounts.account import Account, PersonalRole
from bot.access.backoff import LONGEST_PAUSE
from bot.access.errors import Conflict, InvalidRequest, NotAllowed, Outage, Refusal, Unanswered
from bot.access.intervals import LOOKS_AT_OWN_ACCOUNTS, ROUTE_AGAIN
from bot.access.models.columns import CredentialKind
from bot.access.models.messages import MessageKind
from bot.access.policy.access_flow import AccessFlow
from bot.access.policy.limits.fields import FieldLimits
from bot.access.policy.model import PERMISSIONS, Permission
from bot.access.policy.value_types import AccountRules
from bot.access.requests.drafts import Draft
from bot.access.states import EndReason, GrantState
from bot.access.store.store import Store
from tests.fakes import EVERYTHING, OWNER, PRODUCTION, REQUESTER, STRANGER, FakeAccounts, World, flow, policy_of

HOUR, SECOND = timedelta(hours=1), timedelta(seconds=1)
ROLE = f"es-access-own-{REQUESTER.lower()}"
ALICE = Account("u0requester@example.com", "corp")


@pytest.fixture
def world(world: World) -> World:
    """The usual world, where people have accounts of their own."""
    rules = AccountRules(realm="corp")
    world.current.policy = policy_of(integrations=(PRODUCTION.model_copy(update={"accounts": rules}),))
    return world


def accounts(world: World) -> FakeAccounts:
    return world.cluster.accounts


def asked(world: World, patterns: str = "logs-*", duration: str = "1h", person: str = REQUESTER) -> str:
    return world.requests.submit(person, Draft(patterns, duration, again=True)).request.id


def granted(world: World, patterns: str = "logs-*", duration: str = "1h", person: str = REQUESTER) -> str:
    request_id = asked(world, patterns, duration, person)
    world.approvals.approve(request_id, OWNER)
    world.work()
    assert world.state(request_id) is GrantState.ACTIVE
    return request_id


# --- a grant's life ---


def test_an_approval_gives_the_requesters_own_account_the_access_and_makes_nothing_else(world: World) -> None:
    request_id = granted(world)
    assert world.request_details(request_id).request.kind is CredentialKind.OWN_ACCOUNT
    assert accounts(world).connected == {ROLE: ALICE}
    assert accounts(world).holds(REQUESTER) == {request_id: ("logs-*",)}
    assert (world.cluster.users, world.cluster.roles, world.cluster.passwords) == ({}, {}, [])
    assert world.notifier.sent(MessageKind.CREDENTIAL) == [REQUESTER]


@pytest.mark.parametrize("how", ["expired", "revoked"])
def test_at_the_end_the_account_holds_it_no_more(world: World, how: str) -> None:
    request_id = granted(world)
    if how == "expired":
        world.clock.advance(HOUR)
    else:
        world.grants.revoke(request_id, OWNER)
    world.work()
    assert world.state(request_id) is GrantState.CLEANED_UP
    assert accounts(world).roles == {}
    assert accounts(world).connected == {ROLE: ALICE}  # the name stays
    receipt = world.grant(request_id).receipt or {}
    assert (receipt["role_gone"], receipt["errors"]) == (True, [])
    assert REQUESTER in world.notifier.sent(MessageKind.ENDED)


def test_several_grants_of_one_person_overlap_and_end_apart(world: World) -> None:
    short = granted(world, "logs-*", "1h")
    long = granted(world, "metrics-*", "3h")
    assert accounts(world).holds(REQUESTER) == {short: ("logs-*",), long: ("metrics-*",)}
    world.clock.advance(HOUR)
    world.work()
    assert accounts(world).holds(REQUESTER) == {long: ("metrics-*",)}
    world.clock.advance(2 * HOUR)
    world.work()
    assert accounts(world).roles == {}


def test_the_account_is_given_the_name_of_its_role_once(world: World) -> None:
    first, second = granted(world), granted(world, "metrics-*")
    told = [(world.request_details(each).request.account or {}).keys() for each in (first, second)]
    assert ["first_time" in each for each in told] == [True, False]
    assert [each.name for each in accounts(world).written] == [ROLE, ROLE]


def test_a_name_that_somebody_took_from_the_account_is_given_again(world: World) -> None:
    first = granted(world)
    del accounts(world).connected[ROLE]  # the role mapping was deleted
    second = granted(world, "metrics-*")
    assert accounts(world).connected == {ROLE: ALICE}
    told = [(world.request_details(each).request.account or {}).keys() for each in (first, second)]
    assert ["first_time" in each for each in told] == [True, True]


def test_an_extension_writes_the_new_end(world: World) -> None:
    request_id = granted(world)
    extension = world.requests.extend(REQUESTER, request_id, "30m").request
    world.approvals.approve(extension.id, OWNER)
    world.work()
    [part] = accounts(world).roles[ROLE].parts
    assert part.expires_at == world.grant(request_id).expires_at
    world.clock.advance(HOUR)
    world.work()
    assert accounts(world).holds(REQUESTER) == {request_id: ("logs-*",)}
    world.clock.advance(HOUR)
    world.work()
    assert accounts(world).roles == {}


def test_there_is_no_secret_to_reset_or_reveal(world: World) -> None:
    request_id = granted(world)
    for act in (world.grants.reset, world.grants.reveal):
        with pytest.raises(Conflict, match="no password and no key"):
            act(request_id, REQUESTER)


@pytest.mark.parametrize("known", [True, False, None])
def test_check_says_what_the_cluster_knows(world: World, known: bool | None) -> None:
    request_id = granted(world)
    accounts(world).sees = known
    assert world.grants.check(request_id, REQUESTER) is known


def test_access_to_an_own_account_waits_for_no_message(world: World) -> None:
    request_id = asked(world)
    world.approvals.approve(request_id, OWNER)
    world.notifier.sending.errors += [Outage("Slack is away")] * 3
    world.work_grants()
    assert accounts(world).holds(REQUESTER) == {request_id: ("logs-*",)}


# --- failures ---


@pytest.mark.parametrize("step", ["connecting", "writing"])
def test_a_cluster_that_is_away_is_tried_again(world: World, step: str) -> None:
    request_id = asked(world)
    world.approvals.approve(request_id, OWNER)
    getattr(accounts(world), step).errors.append(Outage("away"))
    world.work_grants()
    assert (world.state(request_id), accounts(world).roles) == (GrantState.PROVISIONING, {})
    world.clock.advance(LONGEST_PAUSE)
    world.work()
    assert accounts(world).holds(REQUESTER) == {request_id: ("logs-*",)}


@pytest.mark.parametrize("step", ["connecting", "writing"])
def test_a_refusal_ends_it_and_tells_the_owners(world: World, step: str) -> None:
    request_id = asked(world)
    world.approvals.approve(request_id, OWNER)
    getattr(accounts(world), step).errors.append(Refusal("a role of that name is not ours"))
    world.work()
    grant = world.grant(request_id)
    assert (grant.state, grant.end_reason) == (GrantState.CLEANED_UP, EndReason.NOT_CREATED)
    assert OWNER in world.notifier.sent(MessageKind.FAILED)


def test_an_end_that_fails_is_tried_again_until_it_is_read_back(world: World) -> None:
    request_id = granted(world)
    world.grants.revoke(request_id, REQUESTER)
    accounts(world).ending.errors.append(Outage("away"))
    world.work_grants()
    assert world.state(request_id) is GrantState.REVOKING
    world.clock.advance(LONGEST_PAUSE)
    world.work()
    assert (world.state(request_id), accounts(world).roles) == (GrantState.CLEANED_UP, {})


def _late_call(world: World) -> PersonalRole:
    """Gives access by a call that is not answered, and returns what it would write."""
    request_id = asked(world)
    world.approvals.approve(request_id, OWNER)
    late: list[PersonalRole] = []
    accounts(world).before_write = late.append
    accounts(world).writing.errors.append(Unanswered("no answer"))
    world.work_grants()
    world.grants.revoke(request_id, REQUESTER)
    world.clock.advance(SECOND)
    world.work()
    assert (world.state(request_id), accounts(world).roles) == (GrantState.CLEANED_UP, {})
    return late[0]


@pytest.mark.parametrize("look", range(len(LOOKS_AT_OWN_ACCOUNTS)))
def test_a_call_that_takes_effect_after_the_end_is_undone_by_the_next_look(world: World, look: int) -> None:
    role = _late_call(world)
    for pause in LOOKS_AT_OWN_ACCOUNTS[:look]:
        world.clock.advance(pause)
        world.roles.look_again("production")
    accounts(world).roles[ROLE] = role  # now it arrives
    world.clock.advance(LOOKS_AT_OWN_ACCOUNTS[look])
    world.roles.look_again("production")
    assert accounts(world).roles == {}


def test_looks_end_some_time(world: World) -> None:
    _late_call(world)
    for pause in LOOKS_AT_OWN_ACCOUNTS:
        world.clock.advance(pause)
        world.roles.look_again("production")
    written = len(accounts(world).written)
    world.clock.advance(2 * HOUR)
    world.roles.look_again("production")
    assert len(accounts(world).written) == written


# --- whose account it is ---


@pytest.mark.parametrize(
    ("prepare", "why"),
    [
        (lambda world: world.directory.emails.update({REQUESTER: None}), "Slack does not tell me the e-mail"),
        (lambda world: accounts(world).unusable.add(ALICE.username), "there is no account"),
    ],
    ids=["hidden e-mail", "no such account"],
)
def test_a_request_without_an_account_is_refused(world: World, prepare: Callable[[World], None], why: str) -> None:
    prepare(world)
    with pytest.raises(NotAllowed, match=why) as refused:
        asked(world)
    assert "--password" in refused.value.message


def test_the_name_is_the_one_that_the_cluster_has(world: World) -> None:
    accounts(world).exact[ALICE.username] = "U0Requester@Example.com"
    granted(world)
    assert accounts(world).connected == {ROLE: Account("U0Requester@Example.com", "corp")}


def test_an_e_mail_that_changed_since_the_request_is_refused_at_the_yes(world: World) -> None:
    request_id = asked(world)
    world.directory.emails[REQUESTER] = "somebody.else@example.com"
    with pytest.raises(NotAllowed, match=r"leads to somebody\.else@example\.com now"):
        world.approvals.approve(request_id, OWNER)
    world.work()
    assert accounts(world).roles == {}


def test_a_change_of_case_is_no_change(world: World) -> None:
    request_id = asked(world)
    world.directory.emails[REQUESTER] = "U0REQUESTER@example.com"
    world.approvals.approve(request_id, OWNER)
    world.work()
    assert list(accounts(world).holds(REQUESTER)) == [request_id]


@pytest.mark.parametrize("name", ["u0requester@example.com", "U0Requester@Example.com"])
def test_two_people_never_have_one_account_and_owners_are_told(world: World, name: str) -> None:
    granted(world)
    world.directory.emails[STRANGER] = name
    with pytest.raises(NotAllowed, match="is somebody else's here"):
        asked(world, person=STRANGER)
    world.work()
    assert world.notifier.shows(f"<@{STRANGER}> asked for access for the account")
    assert accounts(world).holds(STRANGER) == {}


def test_two_people_who_ask_at_once_are_not_both_approved(world: World) -> None:
    first = asked(world)
    world.directory.emails[STRANGER] = "u0requester@example.com"
    second = asked(world, person=STRANGER)  # nobody has it yet
    world.approvals.approve(first, OWNER)
    with pytest.raises(NotAllowed, match="is somebody else's here"):
        world.approvals.approve(second, OWNER)


def test_the_account_of_somebody_who_left_is_free(world: World) -> None:
    request_id = granted(world)
    world.grants.revoke(request_id, REQUESTER)
    world.work()
    world.directory.outsiders.add(REQUESTER)
    world.directory.emails[STRANGER] = "u0requester@example.com"
    assert list(accounts(world).holds(STRANGER)) == []
    again = granted(world, person=STRANGER)
    assert accounts(world).holds(STRANGER) == {again: ("logs-*",)}


def test_another_account_of_the_same_person_has_another_role(world: World) -> None:
    request_id = granted(world)
    world.directory.emails[REQUESTER] = "new.name@example.com"
    with pytest.raises(Conflict, match="has to end first"):
        world.approvals.approve(asked(world), OWNER)
    world.grants.revoke(request_id, REQUESTER)
    world.work()
    granted(world)
    # Whoever is signed in with the old account holds the old name, and it gives nothing.
    assert list(accounts(world).roles) == [f"{ROLE}-2"]
    assert accounts(world).connected[f"{ROLE}-2"] == Account("new.name@example.com", "corp")


def test_limits_that_the_cluster_would_join_are_refused(world: World) -> None:
    hiding = Permission(name="hiding", indices=("read",), fields=FieldLimits(hidden=("ssn",)))
    showing = Permission(name="showing", indices=("read",), fields=FieldLimits(grant=("ssn",)))
    names = ("read", hiding.name, showing.name)
    world.current.policy = world.current.policy.model_copy(
        update={
            "permissions": (*PERMISSIONS, hiding, showing),
            "access_flows": (EVERYTHING.model_copy(update={"permissions": names}),),
        }
    )
    first = world.requests.submit(REQUESTER, Draft("logs-*", "1h", hiding.name)).request.id
    world.approvals.approve(first, OWNER)
    world.work()
    with pytest.raises(InvalidRequest, match=f"Together with {first} your account would see more"):
        world.requests.submit(REQUESTER, Draft("logs-a", "1h", showing.name))
    world.requests.submit(REQUESTER, Draft("metrics-a", "1h", showing.name))
    world.requests.submit(REQUESTER, Draft("logs-a", "1h", showing.name, kind=CredentialKind.PASSWORD))


@pytest.mark.parametrize("kind", [CredentialKind.PASSWORD, CredentialKind.API_KEY])
def test_another_kind_is_given_to_who_names_it(world: World, kind: CredentialKind) -> None:
    request_id = world.requests.submit(REQUESTER, Draft("logs-*", "1h", kind=kind)).request.id
    world.approvals.approve(request_id, OWNER)
    world.work()
    assert (world.request_details(request_id).request.kind, accounts(world).roles) == (kind, {})


def test_where_nobody_has_an_account_none_is_given_anything(world: World) -> None:
    world.current.policy = policy_of()
    with pytest.raises(InvalidRequest, match="nothing is given to your own account") as refused:
        world.requests.submit(REQUESTER, Draft("logs-*", "1h", kind=CredentialKind.OWN_ACCOUNT))
    assert refused.value.example == "/es-access logs-* 1h"


@pytest.mark.parametrize("kind", [None, CredentialKind.PASSWORD])
def test_the_named_kind_outlives_an_outage_before_routing(world: World, kind: CredentialKind | None) -> None:
    world.cluster.asked.errors += [Outage("away")] * 5
    world.cluster.accounts.finding.errors += [Outage("away")] * 5
    request_id = world.requests.submit(REQUESTER, Draft("logs-*", "1h", kind=kind)).request.id
    world.cluster.asked.errors.clear()
    world.cluster.accounts.finding.errors.clear()
    world.clock.advance(ROUTE_AGAIN)
    world.requests.route_waiting()
    assert world.request_details(request_id).request.kind is (kind or CredentialKind.OWN_ACCOUNT)


def test_a_rule_gives_it_at_once(world: World) -> None:
    rule = flow(approve="rule", owners="integration")
    world.current.policy = world.current.policy.model_copy(update={"access_flows": (rule,)})
    request_id = asked(world)
    world.work()
    assert accounts(world).holds(REQUESTER) == {request_id: ("logs-*",)}


def test_members_of_an_automatic_flow_have_it_as_long_as_they_are(world: World) -> None:
    world.directory.people["@web"] = (REQUESTER,)
    automatic = AccessFlow(name="web", automatic=True, requesters=("@web",), patterns=("logs-*",))
    world.current.policy = world.current.policy.model_copy(update={"access_flows": (automatic,)})
    world.automatic.run_once()
    world.work()
    assert list(accounts(world).holds(REQUESTER).values()) == [("logs-*",)]
    world.directory.people["@web"] = ()
    world.automatic.run_once()
    world.work()
    assert accounts(world).roles == {}


def test_a_member_without_an_account_gets_nothing_and_is_looked_up_again_later(world: World) -> None:
    world.directory.people["@web"] = (REQUESTER,)
    accounts(world).unusable.add(ALICE.username)
    automatic = AccessFlow(name="web", automatic=True, requesters=("@web",), patterns=("logs-*",))
    world.current.policy = world.current.policy.model_copy(update={"access_flows": (automatic,)})
    automatic_grants = world.automatic
    automatic_grants.run_once()
    automatic_grants.run_once()
    world.work()
    assert (accounts(world).roles, accounts(world).finding.calls) == ({}, 1)


# --- one writer a person ---


def test_one_process_writes_the_role_of_a_person_at_a_time(world: World) -> None:
    granted(world)
    seen: list[int] = []
    other = world.on(Store(world.store.engine, "another process"))

    def meanwhile(_role: PersonalRole) -> None:
        now = world.clock.now()
        with other.store.writing() as write:
            seen.append(len(write.claim_accounts("production", [REQUESTER], now, now + HOUR)))

    accounts(world).before_write = meanwhile
    granted(world, "metrics-*")
    assert seen == [0]


def test_an_end_waits_for_the_writer_and_is_no_failure(world: World) -> None:
    request_id = granted(world)
    now = world.clock.now()
    with world.store.writing() as write:
        rows = write.claim_accounts("production", [REQUESTER], now, now + HOUR)
    world.grants.revoke(request_id, REQUESTER)
    world.work_grants()
    assert (world.state(request_id), world.grant(request_id).attempts) == (GrantState.REVOKING, 0)
    with world.store.writing() as write:
        write.release_accounts(rows)
    world.clock.advance(SECOND)
    world.work()
    assert (world.state(request_id), accounts(world).roles) == (GrantState.CLEANED_UP, {})


def test_what_a_dead_writer_left_is_looked_at(world: World) -> None:
    first = granted(world)
    now = world.clock.now()
    dead = Store(world.store.engine, "a dead process")
    with dead.writing() as write:
        write.claim_accounts("production", [REQUESTER], now, now + SECOND)
    late = accounts(world).roles[ROLE]
    world.clock.advance(2 * SECOND)
    world.grants.revoke(first, REQUESTER)
    world.work()
    assert world.state(first) is GrantState.CLEANED_UP
    accounts(world).roles[ROLE] = late  # the call of the dead writer arrives
    world.clock.advance(LOOKS_AT_OWN_ACCOUNTS[0])
    world.roles.look_again("production")
    assert accounts(world).roles == {}


def test_many_grants_of_one_person_stand_in_one_role(world: World) -> None:
    ids = [asked(world) for _ in range(20)]
    for each in ids:
        world.approvals.approve(each, OWNER)
    world.work()
    assert sorted(accounts(world).holds(REQUESTER)) == sorted(ids)
    world.clock.advance(HOUR)
    world.work()
    assert accounts(world).roles == {}
