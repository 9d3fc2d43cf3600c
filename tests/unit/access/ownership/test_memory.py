"""Owners are remembered: writing an owner under access gains nothing until an owner who counts agrees."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import pytest

from bot.access.errors import Conflict, NotAllowed, NotFound, Outage
from bot.access.grants.adoption import Adoption
from bot.access.intervals import REMEMBER_GONE_OWNERS_FOR
from bot.access.models.messages import MessageKind
from bot.access.models.ownership import OwnershipChange
from bot.access.ownership.comparison import Standing
from bot.access.ownership.memory import OwnerMemory
from bot.access.policy.model import PERMISSIONS, Permission, Policy
from bot.access.ports import Catalogue, InventoryItem, Resource
from bot.access.requests.drafts import Draft
from bot.access.states import GrantState
from tests.fakes import OWNER, PRODUCTION, REQUESTER, SECOND_OWNER, SHOP, STRANGER, WEB, World, flow

DAVE = "U0DAVE004"
OPS = ("U0OPS1", "U0OPS2")
HOUR = timedelta(hours=1)

WRITERS = Permission(name="writers", indices=("create_doc",))
MAKERS = Permission(name="makers", indices=("create_index",))
READERS = Permission(name="readers", indices=("read", "delete", "maintenance", "view_index_metadata"))


@pytest.fixture
def owned(world: World) -> World:
    """`@ops` owns logs-a, `@web` logs-b, nobody metrics-a; the owners have been looked at."""
    world.directory.people |= {"@ops": OPS, "@web": WEB, "@shop": SHOP}
    world.cluster.owners = {"logs-a": ("@ops",), "logs-b": ("@web",)}
    world.current.policy = Policy(
        integrations=(PRODUCTION,),
        permissions=(*PERMISSIONS, WRITERS, MAKERS, READERS),
        access_flows=(flow(permissions=("read", "write", "manage", "writers", "makers", "readers")),),
        pending_per_person=10_000,
        requests_per_hour=10_000,
    )
    look(world)
    return world


def look(world: World) -> None:
    """What the watch does once a minute."""
    world.clock.advance(timedelta(minutes=1))
    world.owner_watch.look(PRODUCTION)
    world.work()


def has(world: World, permission: str = "write", pattern: str = "logs-a", *approvers: str) -> str:
    """Lets the requester have access, approved by these people."""
    draft = Draft(pattern, "1h", permission, again=True)
    request = world.requests.submit(REQUESTER, draft).request.id
    for person in approvers or OPS[:1]:
        world.approvals.approve(request, person)
    world.work()
    assert world.grant(request).state is GrantState.ACTIVE
    return request


def writes(world: World, owner: str | None, name: str = "logs-a") -> None:
    world.clock.advance(timedelta(seconds=1))
    if name not in world.cluster.names:
        world.cluster.names.append(name)
    world.cluster.owners[name] = (owner,)


def ends(world: World, request: str) -> None:
    world.grants.revoke(request, REQUESTER)
    world.work()
    assert world.grant(request).state is GrantState.CLEANED_UP


def asked(world: World, pattern: str = "logs-a") -> list[str]:
    """The labels of the groups that a request of today needs."""
    return sorted(world.groups(world.ask(pattern)))


def changes(world: World) -> Sequence[OwnershipChange]:
    """All changes, oldest first."""
    found = []
    with world.store.reading() as read:
        for number in range(1, 50):
            change = read.ownership_change(number)
            if change is not None:
                found.append(change)
    return found


def told(world: World) -> list[str]:
    """Whom the messages about changed owners have reached."""
    for _ in range(3):  # a message to a person waits for the earlier notes in its thread
        world.clock.advance(timedelta(seconds=3))
        world.work()
    return sorted(world.notifier.sent(MessageKind.OWNERSHIP))


# --- the attack -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("permission", ["write", "manage", "writers", "makers"])
@pytest.mark.parametrize("owner", [DAVE, "@web", None])
def test_who_may_write_an_index_cannot_take_it_from_its_owner(owned: World, permission: str, owner: str | None) -> None:
    """Change, revoke, ask: no look of the watch comes between."""
    request = has(owned, permission)
    writes(owned, owner)
    ends(owned, request)
    assert asked(owned) == sorted(["@ops", owner or "production"])
    (change,) = changes(owned)
    assert (change.request_id, change.before, change.after, change.counting) == (request, "@ops", owner, ["@ops"])
    assert told(owned) == list(OPS)
    assert owned.audit(request)[-1] == "owner.changed"


def test_it_is_noticed_without_a_request_and_once(owned: World) -> None:
    request = has(owned)
    writes(owned, DAVE)
    look(owned)
    ends(owned, request)
    look(owned)
    look(owned)
    assert len(changes(owned)) == 1
    assert asked(owned) == ["@ops", DAVE]


def test_a_change_is_known_long_after_the_access(owned: World) -> None:
    request = has(owned)
    writes(owned, DAVE)
    ends(owned, request)
    look(owned)
    owned.clock.advance(timedelta(days=40))
    look(owned)
    assert asked(owned) == ["@ops", DAVE]


@pytest.mark.parametrize("ended", [False, True])
def test_who_may_only_read_changed_nothing(owned: World, ended: bool) -> None:
    request = has(owned, "readers")
    if ended:
        ends(owned, request)
    writes(owned, DAVE)
    assert asked(owned) == [DAVE]
    assert changes(owned) == []


def test_access_to_something_else_changed_nothing(owned: World) -> None:
    has(owned, "write", "logs-b", WEB[0])
    writes(owned, DAVE)
    assert asked(owned) == [DAVE]


def test_access_that_had_ended_before_the_last_look_changed_nothing(owned: World) -> None:
    request = has(owned)
    ends(owned, request)
    owned.clock.advance(timedelta(minutes=5))
    look(owned)
    writes(owned, DAVE)
    assert asked(owned) == [DAVE]
    look(owned)
    with owned.store.reading() as read:
        assert read.untold_changes(owned.clock.now(), 10) == []
    assert changes(owned) == []


def test_the_holder_of_the_access_gives_it_to_themselves_in_vain(owned: World) -> None:
    has(owned)
    writes(owned, REQUESTER)
    assert asked(owned) == ["@ops", "production"]


# --- its siblings -----------------------------------------------------------------------------------------------


def test_an_alias_that_covers_the_index(owned: World) -> None:
    owned.cluster.aliases = {"all-logs": ("logs-a", "logs-b")}
    look(owned)
    request = has(owned, "write", "all-logs", OPS[0], WEB[0])
    owned.cluster.aliases = {}  # moved away since
    writes(owned, DAVE)
    ends(owned, request)
    assert asked(owned) == ["@ops", DAVE]


def test_an_alias_has_the_owners_who_count_for_its_targets(owned: World) -> None:
    owned.cluster.aliases = {"all-logs": ("logs-a", "logs-b")}
    look(owned)
    has(owned)
    writes(owned, DAVE)
    assert asked(owned, "all-logs") == ["@ops", "@web", DAVE]


def test_a_new_index_needs_those_who_approved(owned: World) -> None:
    request = has(owned, "manage", "logs-*", OPS[0], WEB[0])
    writes(owned, DAVE, "logs-new")
    ends(owned, request)
    assert asked(owned, "logs-new") == ["@ops", "@web", DAVE]


def test_a_daily_index_of_the_same_team_is_quiet(owned: World) -> None:
    owned.cluster.assigned = {"logs-2026": "@shop"}
    has(owned, "manage", "logs-*", OPS[0], WEB[0])
    writes(owned, "@ops", "logs-today")
    owned.cluster.names.append("logs-2026")
    assert asked(owned, "logs-today") == ["@ops"]
    assert asked(owned, "logs-2026") == ["@shop"]
    assert changes(owned) == []


def test_an_index_that_was_deleted_and_created_again(owned: World) -> None:
    request = has(owned, "manage")
    owned.cluster.names.remove("logs-a")
    look(owned)
    writes(owned, DAVE)
    ends(owned, request)
    assert asked(owned) == ["@ops", DAVE]


def test_what_is_gone_is_remembered_for_a_while(owned: World) -> None:
    owned.cluster.names.remove("logs-a")
    look(owned)
    with owned.store.reading() as read:
        assert read.remembered_owners("production", ["logs-a"])["logs-a"].gone_at is not None
    owned.clock.advance(REMEMBER_GONE_OWNERS_FOR)
    look(owned)
    look(owned)
    with owned.store.reading() as read:
        assert "logs-a" not in read.remembered_owners("production", ["logs-a"])


def test_a_grant_by_rule_leaves_the_owner_before(owned: World) -> None:
    owned.under(flow(permissions=("read", "write"), approve="rule"))
    request = owned.requests.submit(REQUESTER, Draft("*", "1h", "write")).request.id
    owned.work()
    writes(owned, DAVE)
    writes(owned, DAVE, "metrics-a")
    ends(owned, request)
    owned.under(flow())
    assert asked(owned) == ["@ops", DAVE]
    assert asked(owned, "metrics-a") == [DAVE, "production"]


def test_one_owner_is_enough_only_if_it_is_not_the_one_in_doubt(owned: World) -> None:
    request = has(owned)
    writes(owned, DAVE)
    ends(owned, request)
    owned.under(flow(groups="any"))
    assert asked(owned) == ["@ops"]


def test_another_integration_of_the_same_cluster(owned: World) -> None:
    request = has(owned)
    other = PRODUCTION.model_copy(update={"name": "writing"})
    policy = owned.current.policy
    owned.current.policy = policy.model_copy(update={"integrations": (PRODUCTION, other)})
    with owned.store.writing() as write:
        found = write.request(request)
        assert found is not None
        found.integration = "writing"
    writes(owned, DAVE)
    look(owned)
    assert [each.after for each in changes(owned)] == [DAVE]


@pytest.mark.parametrize(("uuid", "covers"), [("one", True), ("another", False)])
def test_another_integration_that_leads_to_the_same_cluster_by_another_address(
    owned: World, uuid: str, covers: bool
) -> None:
    """It reads no owners, so nobody looks at them there."""
    request = has(owned)
    other = PRODUCTION.model_copy(
        update={"name": "writing", "public_url": "https://other.example.com", "resource_owner": None}
    )
    policy = owned.current.policy
    owned.current.policy = policy.model_copy(update={"integrations": (PRODUCTION, other)})
    owned.memory.identify(PRODUCTION, replace(owned.cluster.catalogue(), cluster_uuid="one"))
    owned.memory.identify(other, replace(owned.cluster.catalogue(), cluster_uuid=uuid))
    with owned.store.writing() as write:
        found = write.request(request)
        assert found is not None
        found.integration = "writing"
    writes(owned, DAVE)
    look(owned)
    assert [each.after for each in changes(owned)] == ([DAVE] if covers else [])


def test_an_integration_of_which_nothing_is_known_may_lead_to_the_same_cluster(owned: World) -> None:
    other = PRODUCTION.model_copy(update={"name": "writing", "public_url": "https://other.example.com"})
    policy = owned.current.policy
    owned.current.policy = policy.model_copy(update={"integrations": (PRODUCTION, other)})
    owned.memory.identify(PRODUCTION, replace(owned.cluster.catalogue(), cluster_uuid="one"))
    with owned.store.reading() as read:
        assert owned.memory._same_cluster(read, PRODUCTION) == ["production", "writing"]


def test_flows_that_name_their_owners_are_as_they_were(owned: World) -> None:
    has(owned)
    writes(owned, DAVE)
    owned.under(flow(owners="integration"))
    assert asked(owned) == ["production"]
    owned.under(flow(owners=["@web"]))
    assert asked(owned) == ["@web"]


def test_it_is_explained_as_it_would_be_decided(owned: World) -> None:
    has(owned)
    writes(owned, DAVE)
    _, plan = owned.requests.explain(STRANGER, Draft("logs-a", "1h"))
    assert [group.label for group in plan.groups] == ["@ops", DAVE]


def test_resources_are_listed_with_the_owners_who_count(owned: World) -> None:
    has(owned)
    writes(owned, DAVE)
    for listed in (
        owned.history.visible_resources(STRANGER, "logs-a"),
        owned.history.resources("production", "logs-a"),
    ):
        assert [each.owners for each in listed] == [("@ops", DAVE)]


def test_what_is_written_after_our_clock_was_set_back_is_noticed(owned: World) -> None:
    request = has(owned)
    owned.clock.advance(-HOUR)
    writes(owned, DAVE)
    ends(owned, request)
    assert asked(owned) == ["@ops", DAVE]


@pytest.mark.parametrize("minutes", [2, 5, 10, 14, 90])
def test_access_that_begins_and_ends_after_our_clock_was_set_back(owned: World, minutes: int) -> None:
    """No look comes in that time, and the access has been over for longer than late writes take."""
    owned.clock.advance(HOUR)
    look(owned)
    owned.clock.advance(-timedelta(minutes=minutes))
    request = has(owned)
    ends(owned, request)
    writes(owned, DAVE)  # during the access, but no look of it showed the change
    owned.clock.advance(timedelta(minutes=3))
    assert asked(owned) == ["@ops", DAVE]


def test_looks_go_on_after_our_clock_was_set_back(owned: World) -> None:
    """Each is the look before for the next, so access before it changed nothing."""
    owned.clock.advance(-timedelta(minutes=14))
    look(owned)
    request = has(owned)
    ends(owned, request)
    for _ in range(4):
        look(owned)
    writes(owned, DAVE)
    assert asked(owned) == [DAVE]
    with owned.store.reading() as read:
        observation = read.owner_observation("production")
    assert observation is not None
    assert observation.looked_at < owned.clock.now()


def test_a_process_whose_clock_is_a_little_behind_keeps_what_another_noticed(owned: World) -> None:
    """Its catalogue is the older one, though the time of the other's look is in its future."""
    old = replace(owned.cluster.catalogue(), read_at=owned.clock.now())
    request = has(owned)
    writes(owned, DAVE)
    ends(owned, request)
    look(owned)
    owned.clock.advance(-timedelta(seconds=30))
    assert owned.memory.observe(PRODUCTION, old) == {"logs-a": Standing(("@ops",))}
    owned.clock.advance(timedelta(minutes=1))
    assert asked(owned) == ["@ops", DAVE]


# --- decisions ----------------------------------------------------------------------------------------------------


@pytest.fixture
def doubted(owned: World) -> World:
    ends_with = has(owned)
    writes(owned, DAVE)
    ends(owned, ends_with)
    look(owned)
    return owned


def test_an_owner_confirms_and_the_new_one_counts_alone(doubted: World) -> None:
    (change,) = changes(doubted)
    assert change.id is not None
    doubted.owner_decisions.confirm(change.id, OPS[1])
    assert asked(doubted) == [DAVE]
    doubted.work()
    assert sorted(doubted.notifier.sent(MessageKind.OWNERSHIP, "edit")) == sorted(OPS)
    assert doubted.audit(change.request_id)[-1] == "owner.confirmed"
    with pytest.raises(Conflict, match=f"<@{OPS[1]}> has already confirmed this"):
        doubted.owner_decisions.keep(change.id, OPS[0])


def test_an_owner_keeps_and_the_new_one_does_not_count(doubted: World) -> None:
    (change,) = changes(doubted)
    assert change.id is not None
    doubted.owner_decisions.keep(change.id, OPS[0])
    assert asked(doubted) == ["@ops"]
    look(doubted)
    assert asked(doubted) == ["@ops"]
    assert doubted.audit(change.request_id)[-1] == "owner.kept"


@pytest.mark.parametrize("kept", [False, True])
@pytest.mark.parametrize("copy", ["shrink-a1b2-logs-a", "restored-logs-a", "rebuilt"])
@pytest.mark.parametrize("watched", [False, True])
def test_a_copy_of_a_doubted_index_is_no_way_around_its_owner(
    doubted: World, copy: str, watched: bool, kept: bool
) -> None:
    """A lifecycle shrinks or mounts an index under another name, owner and all, and makes its name an alias."""
    (change,) = changes(doubted)
    assert change.id is not None
    if kept:
        doubted.owner_decisions.keep(change.id, OPS[0])
    doubted.clock.advance(timedelta(days=2))
    look(doubted)
    if watched and copy != "rebuilt":
        writes(doubted, DAVE, copy)
        look(doubted)
    doubted.cluster.names.remove("logs-a")
    doubted.cluster.aliases["logs-a"] = (copy,)
    writes(doubted, DAVE, copy)
    look(doubted)
    doubted.clock.advance(timedelta(days=40))
    look(doubted)
    expected = ["@ops"] if kept else ["@ops", DAVE]
    assert asked(doubted, copy) == expected
    assert asked(doubted, "logs-a") == expected
    if not kept:
        doubted.owner_decisions.confirm(change.id, OPS[0])
        assert asked(doubted, copy) == [DAVE]


def test_another_index_of_the_new_owner_is_not_doubted(doubted: World) -> None:
    doubted.clock.advance(timedelta(days=2))
    look(doubted)
    writes(doubted, DAVE, "dave-1")
    writes(doubted, "@web", "copy-logs-a")
    assert asked(doubted, "dave-1") == [DAVE]
    assert asked(doubted, "copy-logs-a") == ["@web"]


def test_an_administrator_corrects_what_was_kept(doubted: World) -> None:
    (change,) = changes(doubted)
    assert change.id is not None
    doubted.owner_decisions.keep(change.id, OPS[0])
    doubted.clock.advance(timedelta(minutes=5))
    look(doubted)
    writes(doubted, "@web")
    assert asked(doubted) == ["@web"]
    assert [each.state for each in changes(doubted)] == ["replaced"]


def test_an_administrator_puts_back_the_owner_before(doubted: World) -> None:
    writes(doubted, "@ops")
    assert asked(doubted) == ["@ops"]
    (change,) = changes(doubted)
    assert change.id is not None
    with pytest.raises(Conflict, match="changed again"):
        doubted.owner_decisions.confirm(change.id, OPS[0])


def test_it_is_written_again_under_access_to_no_avail(doubted: World) -> None:
    (change,) = changes(doubted)
    assert change.id is not None
    doubted.owner_decisions.keep(change.id, OPS[0])
    has(doubted)
    writes(doubted, "U0EVE005")
    assert asked(doubted) == ["@ops", "U0EVE005"]


def test_only_owners_who_count_decide(doubted: World) -> None:
    (change,) = changes(doubted)
    assert change.id is not None
    for stranger in (DAVE, OWNER, WEB[0], STRANGER):
        with pytest.raises(NotFound):
            doubted.owner_decisions.confirm(change.id, stranger)
    with pytest.raises(NotAllowed, match="You held the access"):
        doubted.owner_decisions.confirm(change.id, REQUESTER)
    with pytest.raises(NotFound):
        doubted.owner_decisions.confirm(4711, OPS[0])
    doubted.directory.people["@ops"] = (OPS[1],)
    with pytest.raises(NotFound):
        doubted.owner_decisions.confirm(change.id, OPS[0])
    assert [each.state for each in changes(doubted)] == ["open"]


def test_who_approved_the_access_does_not_confirm_themselves(owned: World) -> None:
    """A flow names who approves, and they let somebody make them the owner of what others own."""
    flows = owned.current.policy.access_flows
    owned.current.policy = owned.current.policy.model_copy(
        update={"access_flows": tuple(each.model_copy(update={"owners": ("@web",)}) for each in flows)}
    )
    has(owned, "write", "logs-a", WEB[0])
    writes(owned, "@web")
    owned.current.policy = owned.current.policy.model_copy(update={"access_flows": flows})
    look(owned)
    (change,) = changes(owned)
    assert change.id is not None
    assert change.counting == ["@web", "@ops"]
    with pytest.raises(NotAllowed, match="another owner from before has to confirm it"):
        owned.owner_decisions.confirm(change.id, WEB[0])
    owned.owner_decisions.confirm(change.id, OPS[0])
    assert asked(owned) == ["@web"]


def test_who_approved_the_access_confirms_the_owner_of_a_new_index(owned: World) -> None:
    owned.directory.people["@both"] = (OPS[0], WEB[0])
    has(owned, "manage", "logs-*", OPS[0], WEB[0])
    writes(owned, "@both", "logs-new")
    look(owned)
    (change,) = changes(owned)
    assert change.id is not None
    owned.owner_decisions.confirm(change.id, OPS[0])
    assert asked(owned, "logs-new") == ["@both"]


def test_a_holder_among_the_owners_is_not_asked(owned: World) -> None:
    owned.directory.people["@ops"] = (REQUESTER, OPS[0])
    has(owned)
    writes(owned, DAVE)
    look(owned)
    assert told(owned) == [OPS[0]]


def test_the_holder_of_earlier_access_does_not_confirm_what_came_later(owned: World) -> None:
    """Each owner writes the other in, under access of their own."""
    first = has(owned)
    writes(owned, DAVE)
    ends(owned, first)
    look(owned)
    owned.directory.people["@ops"] = (REQUESTER, *OPS)
    owned.clock.advance(HOUR)
    look(owned)
    request = owned.requests.submit(STRANGER, Draft("logs-a", "1h", "write", again=True)).request.id
    for person in (OPS[0], DAVE):
        owned.approvals.approve(request, person)
    owned.work()
    writes(owned, "U0EVE005")
    look(owned)
    change = changes(owned)[-1]
    assert change.id is not None
    assert change.grants == [request, first]
    with pytest.raises(NotAllowed, match="You held the access"):
        owned.owner_decisions.confirm(change.id, REQUESTER)
    owned.owner_decisions.confirm(change.id, OPS[1])


def test_a_new_owner_does_not_confirm_that_they_own_it_alone(owned: World) -> None:
    has(owned)
    writes(owned, OPS[0])
    look(owned)
    (change,) = changes(owned)
    assert change.id is not None
    with pytest.raises(NotAllowed, match="another owner from before has to confirm it"):
        owned.owner_decisions.confirm(change.id, OPS[0])
    owned.owner_decisions.confirm(change.id, OPS[1])


def test_many_owners_that_are_written_at_once_are_one_message_and_are_not_confirmed_together(owned: World) -> None:
    has(owned, "manage", "logs-*", OPS[0], WEB[0])
    for number in range(300):
        owned.cluster.names.append(f"logs-{number}")
        owned.cluster.owners[f"logs-{number}"] = (f"U0OTHER{number:03}",)
    look(owned)
    (change,) = changes(owned)
    assert change.id is not None
    assert change.owners is not None
    assert change.owners["logs-7"] == "U0OTHER007"
    assert told(owned) == [*OPS, *WEB]
    with pytest.raises(NotAllowed, match="More owners were written at once"):
        owned.owner_decisions.confirm(change.id, OPS[0])
    owned.owner_decisions.keep(change.id, OPS[0])
    assert asked(owned, "logs-7") == ["@ops", "@web"]


def test_a_few_owners_that_are_written_at_once_are_confirmed_together(owned: World) -> None:
    has(owned, "manage", "logs-*", OPS[0], WEB[0])
    for name, owner in {"logs-1": DAVE, "logs-2": "@shop", "logs-3": None}.items():
        owned.cluster.names.append(name)
        owned.cluster.owners[name] = (owner,)
    look(owned)
    (change,) = changes(owned)
    assert change.id is not None
    assert {owner: list(names) for owner, names in change.names_by_owner().items()} == {
        DAVE: ["logs-1"], "@shop": ["logs-2"], None: ["logs-3"],
    }  # fmt: skip
    owned.owner_decisions.confirm(change.id, OPS[0])
    assert asked(owned, "logs-1") == [DAVE]
    assert asked(owned, "logs-2") == ["@shop"]


def test_owners_that_are_written_every_minute_are_a_message_every_ten(owned: World) -> None:
    has(owned)
    for number in range(25):
        writes(owned, f"U0OTHER{number:03}")
        look(owned)
        owned.work()
    assert asked(owned) == ["@ops", "U0OTHER024"]
    with owned.store.reading() as read:
        times = [each.told_at for each in changes(owned) if each.told_at is not None]
        assert read.ownership_change(25) is not None
    assert len(times) == 3
    owned.clock.advance(timedelta(minutes=10))
    owned.owner_decisions.tell_owners()
    assert changes(owned)[-1].told_at is not None


def test_the_integration_owner_decides_where_nobody_is_left(owned: World) -> None:
    has(owned)
    owned.directory.people["@ops"] = ()
    writes(owned, DAVE)
    look(owned)
    assert told(owned) == [OWNER, SECOND_OWNER]
    (change,) = changes(owned)
    assert change.id is not None
    owned.owner_decisions.confirm(change.id, SECOND_OWNER)


def test_owners_are_told_when_slack_is_back(owned: World) -> None:
    has(owned)
    writes(owned, DAVE)
    owned.directory.asked.errors = [Outage("away")]
    look(owned)
    assert told(owned) == []
    owned.owner_decisions.tell_owners()
    owned.owner_decisions.tell_owners()
    assert told(owned) == list(OPS)


# --- the watch ------------------------------------------------------------------------------------------------------


def test_one_memory_for_many_requests_sees_what_another_process_stored(owned: World) -> None:
    mine, theirs = owned.memory, owned.memory
    catalogue = replace(owned.cluster.catalogue(), read_at=owned.clock.now())
    assert mine.observe(PRODUCTION, catalogue) == {}
    has(owned)
    writes(owned, DAVE)
    later = owned.cluster.catalogue()
    assert theirs.observe(PRODUCTION, later) == {"logs-a": Standing(("@ops",))}
    for seen in (later, later, catalogue):
        assert mine.observe(PRODUCTION, seen, ["logs-a", "logs-b"]) == {"logs-a": Standing(("@ops",))}
    (change,) = changes(owned)
    assert change.id is not None
    owned.owner_decisions.keep(change.id, OPS[0])
    assert mine.observe(PRODUCTION, later) == {"logs-a": Standing(("@ops",), overruled=True)}


def test_a_look_at_some_resources_forgets_no_alias_and_no_other_index(owned: World) -> None:
    owned.cluster.aliases = {"all-logs": ("logs-a", "logs-b")}
    look(owned)
    request = has(owned, "write", "all-logs", OPS[0], WEB[0])
    whole = owned.cluster.catalogue()
    part = replace(whole, resources=tuple(each for each in whole.resources if each.name == "logs-a"), whole=False)
    memory = owned.memory
    memory.observe(PRODUCTION, part, ["logs-a"])
    memory.observe(PRODUCTION, part)
    with owned.store.reading() as read:
        remembered = read.remembered_owners("production", ["logs-a", "logs-b"])
    assert remembered["logs-a"].other_names == ["all-logs"]
    assert remembered["logs-b"].gone_at is None
    changed = replace(part.resources[0], owners=(DAVE,), written=DAVE)
    standings = memory.observe(PRODUCTION, replace(part, resources=(changed,)), ["logs-a"])
    assert standings == {"logs-a": Standing(("@ops",))}
    assert changes(owned)[0].request_id == request


def test_the_first_look_is_at_the_whole_cluster(world: World) -> None:
    whole = world.cluster.catalogue()
    part = replace(whole, resources=whole.resources[:1], whole=False)
    assert world.memory.counting(PRODUCTION, part.resources, part, world.cluster) == list(part.resources)
    with world.store.reading() as read:
        assert len(read.names_remembered("production")) == len(whole.resources)


def test_an_index_of_a_data_stream_with_a_name_of_its_own_leads_to_it(owned: World) -> None:
    stream = Resource("stream", "data stream", ("@ops",), written="@ops")
    inside = Resource("old-logs", "index", ("@ops",), written="@ops", stream="stream")
    there = Catalogue((*owned.cluster.catalogue().resources, inside, stream))
    owned.memory.observe(PRODUCTION, there)
    owned.cluster.names.append("old-logs")
    owned.cluster.owners["old-logs"] = ("@ops",)
    has(owned, "write", "old-logs")
    taken = replace(stream, owners=(DAVE,), written=DAVE)
    standings = owned.memory.observe(PRODUCTION, replace(there, resources=(*there.resources[:-1], taken)), ["stream"])
    assert standings == {"stream": Standing(("@ops",))}


def beside(world: World, *resources: Resource) -> Catalogue:
    """The catalogue of the cluster with these resources, too."""
    return replace(world.cluster.catalogue(), resources=(*world.cluster.catalogue().resources, *resources))


def test_access_to_a_data_stream_or_its_alias_writes_the_indices_in_it(owned: World) -> None:
    """`PUT STREAM/_mapping` writes the mapping of every index of the stream, also of one with a name of its own."""
    alias = Resource("alias", "alias", ("@ops",), targets=("stream",))
    stream = Resource("stream", "data stream", ("@ops",), assigned="@ops")
    inside = Resource("old-logs", "index", ("@ops",), written="@ops", stream="stream")
    for reached in ("stream", "alias"):
        owned.memory.observe(PRODUCTION, beside(owned, alias, stream, inside))
        owned.cluster.names += [reached]
        owned.cluster.owners[reached] = ("@ops",)
        request = has(owned, "write", reached)
        owned.cluster.names.remove(reached)
        taken = replace(inside, owners=(DAVE,), written=DAVE)
        standings = owned.memory.observe(PRODUCTION, beside(owned, alias, stream, taken))
        assert standings["old-logs"] == Standing(("@ops",))
        ends(owned, request)


def test_an_index_that_is_put_into_a_data_stream_is_not_its_owners_alone(owned: World) -> None:
    """Its owner was that of the integration, and would have become that of the data stream."""
    stream = Resource("stream", "data stream", (DAVE,), assigned=DAVE)
    owned.memory.observe(PRODUCTION, beside(owned, stream))
    has(owned, "manage", "metrics-a", OWNER)
    there = owned.cluster.catalogue().resources
    inside = [
        replace(each, owners=(DAVE,), assigned=DAVE, stream="stream") for each in there if each.name == "metrics-a"
    ]
    others = [each for each in there if each.name != "metrics-a"]
    catalogue = replace(owned.cluster.catalogue(), resources=(*others, *inside, stream))
    assert owned.memory.observe(PRODUCTION, catalogue) == {"metrics-a": Standing((None,))}
    stream = replace(stream, targets=("metrics-a",))
    (counted,) = owned.memory.counting(PRODUCTION, [stream], catalogue, owned.cluster)
    assert counted.owners == (DAVE, None)


@pytest.mark.parametrize(
    ("alone", "owners"), [(False, ("@web", "@pay", "@ops", DAVE)), (True, ("@web", "@pay", "@ops"))]
)
def test_a_data_stream_has_the_owners_who_count_for_what_is_inside(
    owned: World, alone: bool, owners: tuple[str, ...]
) -> None:
    stream = Resource("stream", "data stream", ("@web", "@ops", "@pay"), targets=("logs-a",), assigned="@web")
    inside = replace(owned.cluster.catalogue().resources[0], stream="stream")
    assert inside.name == "logs-a"
    others = owned.cluster.catalogue().resources[1:]
    owned.memory.observe(PRODUCTION, Catalogue((inside, *others, stream)))
    has(owned, "manage")
    taken = replace(inside, owners=(DAVE,), written=DAVE)
    stream = replace(stream, owners=("@web", DAVE, "@pay"))
    catalogue = Catalogue((taken, *others, stream))
    (counted,) = owned.memory.counting(PRODUCTION, [stream], catalogue, owned.cluster, alone=alone)
    assert counted.owners == owners


def test_adopted_access_of_which_nothing_is_known_could_have_written_everything(owned: World) -> None:
    """Its database was lost, and its role is gone from the cluster."""
    until = owned.clock.now() + HOUR
    found = InventoryItem(
        "es-access-7k3f9q", "REQ-7K3F9Q", REQUESTER, until, user=False, enabled=False, role=False, key_ids=("key",)
    )
    with owned.store.writing() as write:
        Adoption(owned.directory, owned.current).adopt(write, [found], "production", (), owned.clock.now())
    writes(owned, DAVE)
    owned.memory.observe(PRODUCTION, owned.cluster.catalogue())
    (change,) = changes(owned)
    assert (change.grants, change.counting) == (["REQ-7K3F9Q"], ["@ops"])


def test_a_command_that_changes_nothing_knows_as_much(owned: World) -> None:
    has(owned)
    writes(owned, DAVE)
    reading = OwnerMemory(owned.store, owned.current, owned.clock, None)
    assert reading.observe(PRODUCTION, owned.cluster.catalogue()) == {"logs-a": Standing(("@ops",))}
    assert changes(owned) == []


def test_an_old_catalogue_changes_nothing_and_both_owners_count(owned: World) -> None:
    old = replace(owned.cluster.catalogue(), read_at=owned.clock.now())
    owned.clock.advance(timedelta(minutes=3))
    writes(owned, "@web")
    look(owned)
    assert owned.memory.observe(PRODUCTION, old) == {"logs-a": Standing(("@web",))}
    assert asked(owned) == ["@web"]


def test_another_key_begins_anew(owned: World) -> None:
    has(owned)
    other = PRODUCTION.model_copy(update={"resource_owner": "team"})
    writes(owned, DAVE)
    assert owned.memory.observe(other, owned.cluster.catalogue()) == {}
    assert owned.memory.observe(other, owned.cluster.catalogue()) == {}
    assert changes(owned) == []


def test_one_look_stores_many_names_as_one_change(owned: World) -> None:
    has(owned, "manage", "logs-*", OPS[0], WEB[0])
    for number in range(700):
        owned.cluster.names.append(f"logs-{number}")
        owned.cluster.owners[f"logs-{number}"] = (DAVE,)
    look(owned)
    (change,) = changes(owned)
    assert len(change.names) == 700
    assert told(owned) == [*OPS, *WEB]
    owned.cluster.owners["logs-7"] = ("@shop",)
    look(owned)
    assert [each.state for each in changes(owned)] == ["open", "open"]


def test_a_cluster_that_does_not_answer_is_looked_at_later(owned: World) -> None:
    has(owned)
    writes(owned, DAVE)
    owned.cluster.asked.errors = [Outage("away")]
    owned.owner_watch.run_once()
    assert changes(owned) == []
