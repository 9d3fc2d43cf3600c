"""The data of the Home tab, on each database."""

from datetime import timedelta

import pytest

from bot.access.errors import AccessError, Conflict, NotFound, Outage
from bot.access.lookup.home_tab import ENDED_TOGETHER, MOST_FAVOURITES, SIZES, HomeTabs, Section
from bot.access.lookup.home_tab_changes import LATELY, OVERLAP, HomeTabChanges
from bot.access.models.columns import CredentialKind
from bot.access.requests.drafts import Draft
from bot.access.store.home import PageQuery
from bot.access.store.store import Store
from tests.databases import NewStore
from tests.fakes import OWNER, REQUESTER, SECOND_OWNER, STRANGER, World
from tests.plans import plan_of


@pytest.fixture
def home_tabs(world: World) -> HomeTabs:
    return HomeTabs(world.store, world.directory, world.current, world.clock)


def seen(home_tabs: HomeTabs, person: str, section: Section) -> list[str]:
    return [each.request.id for each in home_tabs.read(person).pages[section].requests]


def asked(world: World, count: int, duration: str = "1h") -> list[str]:
    ids = []
    for _ in range(count):
        world.clock.advance(timedelta(seconds=1))
        ids.append(world.ask(duration=duration))
    return ids


def test_each_sees_what_is_theirs(world: World, home_tabs: HomeTabs) -> None:
    live, waiting = world.granted(), world.ask("metrics-a")
    assert seen(home_tabs, REQUESTER, Section.MINE) == [live]
    assert set(seen(home_tabs, REQUESTER, Section.HISTORY)) == {live, waiting}
    assert seen(home_tabs, REQUESTER, Section.WAITING) == []
    assert seen(home_tabs, REQUESTER, Section.OWNED) == []
    assert seen(home_tabs, SECOND_OWNER, Section.WAITING) == [waiting]
    assert seen(home_tabs, SECOND_OWNER, Section.OWNED) == [live]
    assert [seen(home_tabs, STRANGER, each) for each in Section] == [[], [], [], []]


def test_what_is_live_is_found_without_going_through_all_that_a_person_ever_asked_for(sqlite_store: Store) -> None:
    plan = plan_of(sqlite_store, lambda read: read.live_of(REQUESTER, PageQuery(5)))
    assert "USING INDEX access_grant_state" in plan or "USING INDEX access_grant_ending" in plan
    assert "access_request_of_requester" not in plan


def test_what_an_owner_has_said_yes_to_waits_for_the_others(world: World, home_tabs: HomeTabs) -> None:
    world.under(world.current.policy.access_flows[0].model_copy(update={"approvals": 2}))
    request = world.ask()
    world.approvals.approve(request, OWNER)
    assert seen(home_tabs, OWNER, Section.WAITING) == []
    assert seen(home_tabs, SECOND_OWNER, Section.WAITING) == [request]


def test_a_requester_who_may_approve_sees_the_own_request_among_those_that_wait(
    world: World, home_tabs: HomeTabs
) -> None:
    world.directory.people["@owners"] = (OWNER, REQUESTER)
    others = world.ask()
    assert seen(home_tabs, REQUESTER, Section.WAITING) == []
    world.under(world.current.policy.access_flows[0].model_copy(update={"self_approval": True}))
    own = world.ask("metrics-a")
    assert seen(home_tabs, REQUESTER, Section.WAITING) == [own]
    assert set(seen(home_tabs, OWNER, Section.WAITING)) == {others, own}


def test_an_owner_of_another_name_is_not_found_in_a_longer_one(world: World, home_tabs: HomeTabs) -> None:
    world.ask()
    assert seen(home_tabs, OWNER[:-1], Section.WAITING) == []
    assert seen(home_tabs, "%", Section.WAITING) == []


def test_an_integration_owner_sees_what_others_were_asked_for(world: World, home_tabs: HomeTabs) -> None:
    request = world.granted()
    world.directory.people["@owners"] = (OWNER, SECOND_OWNER, "U0NEW")
    assert seen(home_tabs, "U0NEW", Section.OWNED) == [request]


def test_pages_go_forth_and_back_and_hold_each_request_once(world: World, home_tabs: HomeTabs) -> None:
    ids = asked(world, 2 * SIZES[Section.HISTORY] + 3)[::-1]
    pages = [home_tabs.read(REQUESTER).pages[Section.HISTORY]]
    assert pages[0].previous is None
    while pages[-1].next:
        home_tabs.turn_page(REQUESTER, Section.HISTORY, after=pages[-1].next)
        pages.append(home_tabs.read(REQUESTER).pages[Section.HISTORY])
    shown = [[each.request.id for each in page.requests] for page in pages]
    assert [each for page in shown for each in page] == ids
    while pages[-1].previous:
        home_tabs.turn_page(REQUESTER, Section.HISTORY, before=pages[-1].previous)
        pages.append(home_tabs.read(REQUESTER).pages[Section.HISTORY])
    back = [[each.request.id for each in page.requests] for page in pages[len(shown) :]]
    assert back == shown[-2::-1]


def test_requests_of_the_same_moment_are_paged_too(world: World, home_tabs: HomeTabs) -> None:
    ids = {world.ask() for _ in range(SIZES[Section.HISTORY] + 2)}
    first = home_tabs.read(REQUESTER).pages[Section.HISTORY]
    home_tabs.turn_page(REQUESTER, Section.HISTORY, after=first.next)
    second = home_tabs.read(REQUESTER).pages[Section.HISTORY]
    assert {each.request.id for each in (*first.requests, *second.requests)} == ids


def test_a_page_that_is_gone_is_the_first_one(world: World, home_tabs: HomeTabs) -> None:
    ids = asked(world, SIZES[Section.WAITING] + 1)
    first = home_tabs.read(OWNER).pages[Section.WAITING]
    home_tabs.turn_page(OWNER, Section.WAITING, after=first.next)
    assert seen(home_tabs, OWNER, Section.WAITING) == ids[-1:]
    world.approvals.deny(ids[-1], OWNER)
    assert seen(home_tabs, OWNER, Section.WAITING) == ids[:-1]
    home_tabs.turn_page(OWNER, Section.WAITING, after="REQ-000000")
    assert seen(home_tabs, OWNER, Section.WAITING) == ids[:-1], "a forged page"


def test_the_same_terms_are_kept_once_and_asked_for_as_they_were(world: World, home_tabs: HomeTabs) -> None:
    draft = Draft("logs-*", "2h", "write", "INC-42", "production", CredentialKind.API_KEY)
    for _ in range(2):
        home_tabs.save(REQUESTER, world.requests.submit(REQUESTER, draft).request.id)
    (kept,) = home_tabs.read(REQUESTER).favourites
    assert home_tabs.favourite(REQUESTER, kept.key) == draft
    with pytest.raises(Conflict, match="not there any more"):
        home_tabs.favourite(STRANGER, kept.key)
    home_tabs.remove(STRANGER, kept.key)
    assert home_tabs.read(REQUESTER).favourites
    home_tabs.remove(REQUESTER, kept.key)
    assert not home_tabs.read(REQUESTER).favourites


def test_there_is_room_for_so_many_favourites(world: World, home_tabs: HomeTabs) -> None:
    ids = [world.ask(duration=f"{hours}h") for hours in range(1, MOST_FAVOURITES + 2)]
    for each in ids[:-1]:
        home_tabs.save(REQUESTER, each)
    with pytest.raises(AccessError, match="Remove one"):
        home_tabs.save(REQUESTER, ids[-1])
    home_tabs.save(REQUESTER, ids[0])


def test_what_is_not_ones_own_is_neither_kept_nor_asked_for_again(world: World, home_tabs: HomeTabs) -> None:
    request = world.ask()
    for act in (home_tabs.save, home_tabs.again):
        with pytest.raises(NotFound):
            act(OWNER, request)
    assert home_tabs.again(REQUESTER, request).patterns == "logs-*"


def test_all_that_was_seen_is_revoked_and_nothing_that_came_after(world: World, home_tabs: HomeTabs) -> None:
    for each in asked(world, ENDED_TOGETHER + 5):
        world.approvals.approve(each, OWNER)
    at = world.clock.now()
    assert home_tabs.read(OWNER).owned_count == ENDED_TOGETHER + 5
    world.clock.advance(timedelta(seconds=5))
    later = world.ask()
    world.approvals.approve(later, OWNER)
    assert home_tabs.revoke_all(STRANGER, world.clock.now()) == 0
    assert home_tabs.revoke_all(OWNER, at) == ENDED_TOGETHER + 5
    assert seen(home_tabs, OWNER, Section.OWNED) == [later]


def test_while_slack_is_away_home_shows_what_is_known_and_nothing_is_revoked(world: World, home_tabs: HomeTabs) -> None:
    world.granted()
    world.directory.asked.errors = [Outage("Slack is away")]
    assert len(seen(home_tabs, OWNER, Section.OWNED)) == 1, "one of those who were asked"
    world.directory.asked.errors = [Outage("Slack is away")]
    with pytest.raises(Outage):
        home_tabs.revoke_all(OWNER, world.clock.now())


def test_whose_home_is_out_of_date_is_told_once(world: World, home_tabs: HomeTabs) -> None:
    changes = HomeTabChanges(world.store, world.directory, world.current, world.clock)
    for person in (REQUESTER, OWNER, STRANGER):
        home_tabs.open(person)
    assert changes.concerned() == []
    request = world.ask()
    assert changes.concerned() == sorted([REQUESTER, OWNER]), "SECOND_OWNER has not opened it, STRANGER is not asked"
    assert changes.concerned() == []
    world.clock.advance(OVERLAP / 2)
    world.approvals.approve(request, OWNER)
    assert changes.concerned() == sorted([REQUESTER, OWNER])
    world.clock.advance(LATELY + timedelta(seconds=1))
    world.ask()
    assert changes.concerned() == [], "not opened lately"


def test_of_several_processes_one_shows_what_has_changed(
    world: World, home_tabs: HomeTabs, new_store: NewStore
) -> None:
    both = [
        HomeTabChanges(each, world.directory, world.current, world.clock) for each in (world.store, new_store("second"))
    ]
    home_tabs.open(REQUESTER)
    for process in both:
        assert process.concerned() == []
    world.ask()
    assert [process.concerned() for process in both] == [[REQUESTER], []]
    world.ask()
    assert [process.concerned() for process in reversed(both)] == [[], [REQUESTER]]
