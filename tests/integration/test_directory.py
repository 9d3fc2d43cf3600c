"""The directory against the local workspace over HTTP: few calls, fresh answers, and no lookup waits for another."""

import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr
from structlog.testing import capture_logs

from bot.access.errors import Outage, Refusal
from bot.access.people import Inclusion, Members, OwnerProblem
from bot.sandbox.workspace import User, Workspace
from bot.sandbox.workspace.webapi import people
from bot.slack.app import web_client
from bot.slack.directory import (
    CANNOT_APPROVE,
    FRESH_SECONDS,
    NO_ACTIVE_MEMBERS,
    NO_SUCH_GROUP,
    PERSON_SECONDS,
    VERIFIED_MEMBERS,
    SlackDirectory,
)

MANIFEST = Path(__file__).parents[2] / "manifest.yml"
RUSH = 50
SECONDS = 20.0
"""Long enough for a busy machine, and below the time limit of a test."""


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def ws() -> Iterator[Workspace]:
    with Workspace.start(MANIFEST) as workspace:
        yield workspace


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def directory(ws: Workspace, clock: Clock) -> SlackDirectory:
    return SlackDirectory(web_client(SecretStr(ws.bot_token), ws.api_url), clock)


def team(ws: Workspace, size: int, handle: str = "owners") -> list[User]:
    users = [ws.add_user(f"{handle}{number}") for number in range(size)]
    ws.add_group(handle, users)
    return users


def ids(users: Sequence[User]) -> tuple[str, ...]:
    return tuple(user.id for user in users)


def make_guest(monkeypatch: pytest.MonkeyPatch, guest: User) -> None:
    shown = people.user_json

    def shown_as_guest(state: Any, user: User) -> dict[str, Any]:
        return shown(state, user) | {"is_restricted": user.id == guest.id}

    monkeypatch.setattr(people, "user_json", shown_as_guest)


def lookups(ws: Workspace) -> list[str]:
    return [call.method for call in ws.traffic if call.method.startswith("users.")]


def hold_first(ws: Workspace, method: str) -> tuple[threading.Event, threading.Event]:
    """Holds the first call of this method, its answer made already. Returns the events "it waits" and "let it go"."""
    waits, go = threading.Event(), threading.Event()

    def hook(called: str, _payload: dict[str, Any], phase: str) -> None:
        if called == method and phase == "after" and not waits.is_set():
            waits.set()
            go.wait(SECONDS)

    ws.on_call(hook)
    return waits, go


def test_a_group_of_400_is_one_call(ws: Workspace, directory: SlackDirectory) -> None:
    ws.enforce_rate_limits()
    users = team(ws, 400)
    assert directory.members(["@owners"]) == Members(ids(users))
    assert directory.members(["@owners"]) == Members(ids(users))
    assert [call.method for call in ws.traffic] == ["usergroups.list"]


def test_thirty_requests_in_a_minute_for_a_group_of_15_are_within_slacks_limits(
    ws: Workspace, directory: SlackDirectory
) -> None:
    ws.enforce_rate_limits()
    users = team(ws, 15)
    for number in range(30):
        requester = ws.add_user(f"requester{number}")
        assert directory.members(["@owners"]).users == ids(users)
        assert directory.members([requester.id]).users == (requester.id,)
        assert directory.includes(["@owners", requester.email], requester.id) == Inclusion(found=True)
    assert len(ws.calls("users.info")) == 15 + 30
    assert {call.status for call in ws.traffic} == {200}


def test_of_a_small_group_only_active_members_are_taken(
    ws: Workspace, directory: SlackDirectory, monkeypatch: pytest.MonkeyPatch
) -> None:
    users = team(ws, VERIFIED_MEMBERS)
    make_guest(monkeypatch, users[0])
    ws.deactivate(users[1])
    assert directory.members(["@owners"]) == Members(ids(users[2:]))


def test_a_group_above_the_bound_is_taken_as_slack_lists_it(ws: Workspace, directory: SlackDirectory) -> None:
    users = team(ws, VERIFIED_MEMBERS + 1)
    ws.deactivate(users[0])
    assert directory.members(["@owners"]) == Members(ids(users))
    assert not ws.calls("users.info")


def test_owners_keep_their_order_are_named_once_and_those_who_stand_for_nobody_are_told(
    ws: Workspace, directory: SlackDirectory
) -> None:
    first, second = team(ws, 2)
    gone, bot = ws.add_user("gone", deleted=True), ws.add_user("robot", is_bot=True)
    ws.add_group("ghosts", [gone])
    owners = [second.email, "@owners", gone.id, bot.id, "nobody@example.com", "U0NOBODY", "@none", "@ghosts"]
    assert directory.members(owners) == Members(
        (second.id, first.id),
        (
            OwnerProblem(gone.id, "is deactivated, a bot, a guest or of another workspace in Slack", CANNOT_APPROVE),
            OwnerProblem(bot.id, "is deactivated, a bot, a guest or of another workspace in Slack", CANNOT_APPROVE),
            OwnerProblem("nobody@example.com", "Slack answered users_not_found", "users_not_found"),
            OwnerProblem("U0NOBODY", "Slack answered user_not_found", "user_not_found"),
            OwnerProblem("@none", "no such user group in Slack", NO_SUCH_GROUP),
            OwnerProblem("@ghosts", "the user group has no active members", NO_ACTIVE_MEMBERS),
        ),
    )


@pytest.mark.parametrize("asked", ["@owners", "owners0@example.com"])
def test_a_guest_is_no_member_and_is_included(
    ws: Workspace, directory: SlackDirectory, monkeypatch: pytest.MonkeyPatch, asked: str
) -> None:
    guest, other = team(ws, 2)
    make_guest(monkeypatch, guest)
    assert guest.id not in directory.members([asked]).users
    assert directory.includes([asked], guest.id) == Inclusion(found=True)
    assert directory.includes([asked], other.id) == Inclusion(found=asked == "@owners")


def test_an_id_is_compared_without_a_call(ws: Workspace, directory: SlackDirectory) -> None:
    gone = ws.add_user("gone", deleted=True)
    assert directory.includes(["@owners", "who@example.com", gone.id], gone.id) == Inclusion(found=True)
    assert directory.includes([gone.id, "U0NOBODY"], "U0OTHER") == Inclusion(found=False)
    assert directory.includes([], gone.id) == Inclusion(found=False)
    assert not ws.traffic


@pytest.mark.parametrize("unknown", ["@none", "nobody@example.com"])
def test_whether_somebody_is_behind_an_unknown_name_is_not_certain(
    ws: Workspace, directory: SlackDirectory, unknown: str
) -> None:
    user = team(ws, 1)[0]
    assert directory.includes([unknown, "@owners"], "U0OTHER") == Inclusion(found=False, certain=False)
    assert directory.includes([unknown, "@owners"], user.id) == Inclusion(found=True)


@pytest.mark.parametrize("refused", ["missing_scope", "plan_upgrade_required"])
def test_groups_that_cannot_be_read_are_told_with_the_reason_and_warned_of_once(
    ws: Workspace, directory: SlackDirectory, clock: Clock, refused: str
) -> None:
    if refused == "missing_scope":
        ws.revoke_scope("usergroups:read")
    else:
        ws.set_paid_plan(paid=False)
    with capture_logs() as logs:
        assert directory.members(["@owners"]).problems == (
            OwnerProblem("@owners", f"Slack answered {refused}", refused),
        )
        assert directory.includes(["@owners"], "U0OTHER") == Inclusion(found=False, certain=False)
        clock.now += FRESH_SECONDS + 1
        assert directory.includes(["@owners"], "U0OTHER") == Inclusion(found=False, certain=False)
    assert len(ws.calls("usergroups.list")) == 2
    assert [(line["log_level"], line["error"]) for line in logs] == [("warning", f"Slack answered {refused}")]


def test_an_outage_is_raised_and_not_kept(ws: Workspace, directory: SlackDirectory) -> None:
    user = team(ws, 1)[0]
    ws.faults.add("usergroups.list", 429, retry_after=7, times=2)
    with pytest.raises(Outage) as caught:
        directory.includes(["@owners"], user.id)
    assert caught.value.retry_after == 7
    with pytest.raises(Outage):
        directory.members(["@owners"])
    assert directory.members(["@owners"]).users == (user.id,)


def test_a_yes_serves_for_ten_minutes_and_a_no_for_one(ws: Workspace, directory: SlackDirectory, clock: Clock) -> None:
    stays, comes_back = ws.add_user("stays"), ws.add_user("back", deleted=True)
    late = "late@example.com"
    assert directory.members([stays.id, comes_back.id, late]).users == (stays.id,)
    ws.reactivate(comes_back)
    newcomer = ws.add_user("late")
    clock.now += FRESH_SECONDS
    assert directory.members([stays.id, comes_back.id, late]).users == (stays.id,)
    assert len(lookups(ws)) == 3
    clock.now += 1
    assert directory.members([stays.id, comes_back.id, late]).users == (stays.id, comes_back.id, newcomer.id)
    assert len(lookups(ws)) == 5
    ws.deactivate(stays)
    clock.now = PERSON_SECONDS + 1
    assert directory.members([stays.id]).users == ()


@pytest.mark.parametrize("method", ["usergroups.list", "users.info"])
def test_a_rush_is_one_call(ws: Workspace, directory: SlackDirectory, method: str) -> None:
    user = team(ws, 1)[0]
    ready = threading.Barrier(RUSH, timeout=SECONDS)
    waits, go = hold_first(ws, method)

    def ask(_number: int) -> Members:
        ready.wait()
        return directory.members(["@owners"])

    with ThreadPoolExecutor(RUSH) as threads:
        asking = threads.map(ask, range(RUSH))
        assert waits.wait(SECONDS)
        go.set()
        assert list(asking) == [Members((user.id,))] * RUSH
    assert len(ws.calls(method)) == 1


def test_all_who_wait_for_a_call_that_fails_are_told_at_once(
    ws: Workspace, directory: SlackDirectory, monkeypatch: pytest.MonkeyPatch
) -> None:
    user = ws.add_user("alice")
    fault = ws.faults.add("users.info", "hang")
    waiting, result = set[str](), Future.result

    def noted(future: Future[Any], timeout: float | None = None) -> Any:
        waiting.add(threading.current_thread().name)
        return result(future, timeout)

    with ThreadPoolExecutor(RUSH, "rush") as threads:
        monkeypatch.setattr(Future, "result", noted)
        asking = [threads.submit(directory.members, [user.id]) for _ in range(RUSH)]
        # All but the thread that makes the call.
        ws.wait_for(lambda: fault.hits and sum("rush" in name for name in list(waiting)) == RUSH - 1, what="all wait")
        ws.faults.clear()
        assert all(isinstance(each.exception(SECONDS), Outage) for each in asking)
    assert len(ws.calls("users.info")) == 1
    assert directory.members([user.id]).users == (user.id,)


def test_a_group_that_changed_is_seen_at_once(ws: Workspace, directory: SlackDirectory) -> None:
    first, second = team(ws, 2)
    ws.set_group("owners", [first])
    assert directory.members(["@owners"]).users == (first.id,)
    ws.set_group("owners", [second])
    assert directory.members(["@owners"]).users == (first.id,)
    directory.forget_groups()
    assert directory.members(["@owners"]).users == (second.id,)


def test_a_group_that_changes_while_it_is_read_is_seen_at_once_and_the_stale_answer_is_not_kept(
    ws: Workspace, directory: SlackDirectory
) -> None:
    first, second = team(ws, 2)
    ws.set_group("owners", [first])
    waits, go = hold_first(ws, "usergroups.list")
    with ThreadPoolExecutor(1) as threads:
        before = threads.submit(directory.includes, ["@owners"], first.id)
        assert waits.wait(SECONDS)
        ws.set_group("owners", [second])
        directory.forget_groups()
        during = directory.members(["@owners"])
        go.set()
        assert before.result(SECONDS) == Inclusion(found=True)
    assert during.users == directory.members(["@owners"]).users == (second.id,)
    assert directory.includes(["@owners"], first.id) == Inclusion(found=False)
    assert len(ws.calls("usergroups.list")) == 2


def test_a_slow_lookup_holds_up_no_other(ws: Workspace, directory: SlackDirectory) -> None:
    slow, known, unknown = (ws.add_user(name) for name in ("slow", "known", "unknown"))
    directory.members([known.id])
    fault = ws.faults.add("users.info", "hang", when=lambda args: args["user"] == slow.id)
    with ThreadPoolExecutor(1) as threads:
        waiting = threads.submit(directory.members, [slow.id])
        ws.wait_for(lambda: fault.hits, what="the slow lookup has reached Slack")
        assert directory.members([known.id, unknown.id]).users == (known.id, unknown.id)
        assert not waiting.done()
        ws.faults.clear()
        assert isinstance(waiting.exception(SECONDS), Outage)


def test_a_person_is_found_by_whatever_is_typed(ws: Workspace, directory: SlackDirectory) -> None:
    ada = ws.add_user("ada")
    for typed in (ada.id, f"<@{ada.id}>", f"<@{ada.id}|ada>", ada.email, "@ada", "@ADA"):
        assert directory.find(typed) == ada.id
    assert len(ws.calls("users.list")) == 1


@pytest.mark.parametrize("typed", ["@nobody", "nobody@example.com", "nobody", "U0NOBODY1", "<!channel>", "", "@"])
def test_nobody_is_found_by_what_stands_for_nobody(directory: SlackDirectory, typed: str) -> None:
    with pytest.raises(Refusal):
        directory.find(typed)


def test_who_has_left_or_is_one_of_two_is_not_found(ws: Workspace, directory: SlackDirectory) -> None:
    gone = ws.deactivate(ws.add_user("gone"))
    ws.add_user("twin")
    ws.add_user("twin", email="twin2@example.com")
    for typed in (gone.id, "@gone", "@twin"):
        with pytest.raises(Refusal):
            directory.find(typed)


@pytest.fixture(params=["workspace", "organisation"])
def foreigner(request: pytest.FixtureRequest, ws: Workspace) -> User:
    """Somebody of another organisation, whom a shared channel makes known to Slack."""
    if request.param == "organisation":
        ws.join_organisation()
    person = ws.add_user("mallory", team="T0MALLORY", organisation="E0OTHER")
    ws.add_channel("shared", [person])
    return person


def test_somebody_of_another_organisation_owns_nothing_and_gets_nothing(
    ws: Workspace, directory: SlackDirectory, foreigner: User
) -> None:
    ours = ws.add_user("ours")
    ws.add_group("mixed", [foreigner, ours])
    for owner in (foreigner.id, foreigner.email):
        assert directory.members([owner]).users == ()
    assert directory.members(["@mixed"]).users == (ours.id,)
    assert not directory.belongs(foreigner.id)
    for typed in (foreigner.id, f"<@{foreigner.id}>", foreigner.email, "@mallory"):
        with pytest.raises(Refusal):
            directory.find(typed)


def test_a_colleague_of_another_workspace_is_like_anybody_here(ws: Workspace, directory: SlackDirectory) -> None:
    colleague = ws.add_user("erin", team="T0ELSEWHERE", organisation=ws.join_organisation())
    guest = ws.add_user("guest", team="T0ELSEWHERE", organisation=ws.organisation, is_guest=True)
    ws.add_group("mixed", [colleague, guest])
    for owner in (colleague.id, colleague.email, "@mixed"):
        assert directory.members([owner]).users == (colleague.id,)
    for person in (colleague, guest):
        assert directory.belongs(person.id)
        assert directory.find(f"@{person.name}") == directory.find(person.id) == person.id


def test_without_the_ids_of_our_workspace_nobody_is_judged(ws: Workspace, directory: SlackDirectory) -> None:
    user = ws.add_user("alice")
    ws.faults.add("auth.test", 500, times=1)
    with pytest.raises(Outage):
        directory.belongs(user.id)
    assert directory.belongs(user.id)


def test_in_a_workspace_with_more_people_than_are_read_nobody_is_found_by_name(
    ws: Workspace, directory: SlackDirectory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A name may be that of somebody who was not read."""
    monkeypatch.setattr("bot.slack.directory.PAGE", 1)
    monkeypatch.setattr("bot.slack.directory.MOST_PAGES", 2)
    ada = ws.add_user("ada")
    assert directory.find("@ada") == ada.id
    ws.add_user("eve")
    late = SlackDirectory(web_client(SecretStr(ws.bot_token), ws.api_url))
    with pytest.raises(Refusal, match="more than 2 people"):
        late.find("@ada")
    assert late.count_name_words(["@ada", "eve"]) == 1
    assert late.find(ada.email) == ada.id


def test_several_people_of_one_name_are_listed(ws: Workspace, directory: SlackDirectory) -> None:
    people = [ws.add_user(f"ada{number}", real_name="Ada Lovelace") for number in range(7)]
    with pytest.raises(Refusal) as caught:
        directory.find("@ada lovelace")
    assert str(caught.value).startswith(f"there are several of that name: <@{people[0].id}> (ada0@example.com), ")
    assert str(caught.value).endswith(" and 2 more")
    ws.revoke_scope("users:read.email")
    without = SlackDirectory(web_client(SecretStr(ws.bot_token), ws.api_url))
    with pytest.raises(Refusal, match=f"<@{people[0].id}> \\(@ada0\\)"):
        without.find("@ada lovelace")
