"""The end of a grant: on time or early, beside other processes, until it is removed completely."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import pytest

from bot.access.backoff import LONGEST_PAUSE, pause_after
from bot.access.errors import Conflict, Outage, Refusal
from bot.access.grants.revocation import ATTEMPTS_BEFORE_OWNERS_HEAR
from bot.access.models.messages import MessageKind
from bot.access.models.receipts import Receipt
from bot.access.ports import CredentialSpec
from bot.access.states import GrantState
from bot.access.store.store import Store
from tests.fakes import CLAIM, OWNER, REQUESTER, SECOND_OWNER, FakeCluster, World

HOUR = timedelta(hours=1)
LONG = LONGEST_PAUSE * 2
"""Longer than any pause between two attempts."""


# --- end ---


def test_a_grant_ends_at_its_time_and_nothing_of_it_is_left(world: World) -> None:
    request_id = world.granted()
    password = world.cluster.passwords[0]
    world.clock.advance(HOUR - timedelta(seconds=1))
    world.work()
    assert world.notifier.shows(password)
    world.clock.advance(timedelta(seconds=1))
    world.work()
    grant = world.grant(request_id)
    assert (grant.state, grant.end_reason, grant.ended_by) == (GrantState.CLEANED_UP, "expired", "es-access")
    assert (grant.due_at, grant.claimed_by, grant.ended_at) == (None, None, world.clock.now())
    assert world.cluster.empty
    assert not world.notifier.shows(password)
    assert world.notifier.sent(MessageKind.ENDED) == [REQUESTER, OWNER]
    assert world.audit(request_id)[-3:] == ["grant.revoking", "grant.revoked", "grant.cleaned_up"]


def test_the_end_has_the_time_at_which_it_took_effect_though_the_cluster_answers_late(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    request_id = world.granted()
    world.grants.revoke(request_id, REQUESTER)
    seen = world.clock.now() + timedelta(seconds=1)

    def remove(cluster: FakeCluster, names: Sequence[str], *, disable: bool = False) -> list[Receipt]:
        receipts = [cluster._remove(name, disable=disable) for name in names]
        world.clock.advance(timedelta(seconds=9))
        return [replace(each, errors=("Elasticsearch does not answer",), gone_at=seen) for each in receipts]

    monkeypatch.setattr(FakeCluster, "remove", remove)
    world.work()
    assert (world.grant(request_id).state, world.grant(request_id).ended_at) == (GrantState.CLEANED_UP, seen)
    assert world.notifier.sent(MessageKind.FAILED) == []


@pytest.mark.parametrize("actor", [REQUESTER, OWNER, SECOND_OWNER])
def test_requester_and_owners_may_end_it_early(world: World, actor: str) -> None:
    request_id = world.granted()
    world.grants.revoke(request_id, actor)
    world.work()
    grant = world.grant(request_id)
    assert (grant.state, grant.end_reason, grant.ended_by) == (GrantState.CLEANED_UP, "revoked", actor)
    assert world.cluster.empty
    assert not world.notifier.shows(world.cluster.passwords[0])


def test_revoking_what_has_ended_is_told_so(world: World) -> None:
    request_id = world.granted()
    world.grants.revoke(request_id, REQUESTER)
    for _ in range(2):
        with pytest.raises(Conflict, match=f"{request_id} has already ended"):
            world.grants.revoke(request_id, REQUESTER)
        world.work()


def test_revoking_what_is_not_decided_says_how_to_take_it_back(world: World) -> None:
    request_id = world.ask()
    with pytest.raises(Conflict, match=f"/es-access cancel {request_id}"):
        world.grants.revoke(request_id, REQUESTER)


def test_revoke_that_a_worker_came_in_between_ends_the_grant_all_the_same(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    request_id = world.granted()
    writing, extended = world.store.writing, Counter[str]()

    def change_it_first() -> None:
        with writing() as write:
            grant = write.grant(request_id)
            assert grant is not None
            write.change(grant, "grant.extended", OWNER, world.clock.now())

    class Interrupted(Store):
        def writing(self, *, urgent=False):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
            extended["times"] += 1
            if extended["times"] == 1:
                change_it_first()
            return writing(urgent=urgent)

    monkeypatch.setattr(world.store, "writing", Interrupted.writing.__get__(world.store))
    world.grants.revoke(request_id, REQUESTER)
    assert extended["times"] == 2
    assert world.state(request_id) is GrantState.REVOKING


# --- races of workers and people ---


@pytest.mark.parametrize("moment", ["create", "deliver"])
def test_revoked_while_it_is_made_ends_with_nothing_left(world: World, moment: str) -> None:
    def revoke(*_: object) -> None:
        world.cluster.before_create = lambda _spec: None
        world.notifier.before_deliver = lambda: None
        world.grants.revoke(request_id, REQUESTER)

    if moment == "create":
        world.cluster.before_create = revoke
    else:
        world.notifier.before_deliver = revoke
    request_id = world.approved()
    world.work_grants()
    assert world.state(request_id) is GrantState.REVOKING
    world.work()
    assert world.state(request_id) is GrantState.CLEANED_UP
    assert world.cluster.empty
    assert not any(world.notifier.shows(password) for password in world.cluster.passwords)


def test_a_worker_that_was_frozen_until_all_was_over_leaves_nothing_behind(world: World) -> None:
    other = world.on(Store(world.store._engine, "second"))

    def freeze(_spec: CredentialSpec) -> None:
        world.cluster.before_create = lambda _spec: None
        world.clock.advance(HOUR + CLAIM)
        other.work()
        assert world.state(request_id) is GrantState.CLEANED_UP

    world.cluster.before_create = freeze
    request_id = world.approved()
    world.work_grants()
    assert len(world.cluster.users) == 1  # it was made after its end
    world.work()
    assert world.cluster.empty
    assert not world.notifier.shows(world.cluster.passwords[0])
    assert world.grant(request_id).due_at is None
    assert world.audit(request_id)[-2:] == ["grant.made_too_late", "grant.removed_again"]


# --- revocation that fails ---


def test_revocation_is_retried_until_it_is_confirmed(world: World) -> None:
    request_id = world.granted()
    world.cluster.removing.errors = [Outage("no answer")] * 2
    world.grants.revoke(request_id, REQUESTER)
    for _ in range(2):
        world.work()
        assert world.state(request_id) is GrantState.REVOKING
        world.clock.advance(LONG)
    world.work()
    assert world.state(request_id) is GrantState.CLEANED_UP
    assert world.notifier.sent(MessageKind.FAILED) == []
    assert world.audit(request_id).count("grant.revocation_delayed") == 2


def test_owners_hear_when_revocation_keeps_failing_and_it_is_tried_for_ever(world: World) -> None:
    request_id = world.granted()
    world.cluster.removing.errors = [Outage("no answer")] * 40
    world.grants.revoke(request_id, REQUESTER)
    for attempt in range(1, 41):
        assert world.work_grants() == 1
        expected = GrantState.REVOKING if attempt < ATTEMPTS_BEFORE_OWNERS_HEAR else GrantState.REVOCATION_FAILED
        assert world.state(request_id) is expected
        due = world.grant(request_id).due_at
        assert due is not None
        assert due - world.clock.now() <= timedelta(hours=1.25)
        world.clock.time = due
    world.work_messages()
    assert world.notifier.sent(MessageKind.FAILED) == [OWNER, SECOND_OWNER]
    assert world.notifier.sent(MessageKind.ENDED) == []
    world.work()
    assert world.state(request_id) is GrantState.CLEANED_UP
    assert world.cluster.empty
    assert world.notifier.sent(MessageKind.ENDED) == [REQUESTER, OWNER]
    assert world.notifier.sent(MessageKind.FAILED, "edit") == [OWNER, SECOND_OWNER]


def test_owners_who_heard_of_a_failed_creation_hear_of_the_failed_revocation_too(world: World) -> None:
    world.cluster.creating.errors = [Refusal("no")]
    world.cluster.removing.errors = [Outage("no answer")] * ATTEMPTS_BEFORE_OWNERS_HEAR
    request_id = world.approved()
    for _ in range(ATTEMPTS_BEFORE_OWNERS_HEAR):
        world.work()
        world.clock.advance(LONG)
    assert world.state(request_id) is GrantState.REVOCATION_FAILED
    assert world.notifier.sent(MessageKind.FAILED, "edit") == [OWNER, SECOND_OWNER]
    assert world.notifier.shows(f"failed {request_id} approved revocation_failed")


def test_pauses_double_up_to_the_longest_and_never_overflow() -> None:
    for attempts in (1, 2, 3, 10, 10_000):
        full = min(timedelta(seconds=2 ** min(attempts - 1, 20)), LONGEST_PAUSE)
        for _ in range(50):
            assert full * 0.75 <= pause_after(attempts, LONGEST_PAUSE) <= full * 1.25


class Unmarked(FakeCluster):
    """A cluster in which someone removed es-access's ownership mark from the user and its role."""

    def _remove(self, username: str, *, disable: bool) -> Receipt:
        assert not disable
        error = f"{username} does not say that es-access made it, so it was left alone"
        return Receipt(user_gone=False, role_gone=False, keys_left=None, errors=(error,), foreign=True)


def test_what_was_delivered_and_lost_its_mark_is_never_called_gone(world: World) -> None:
    request_id = world.granted()
    world.cluster = Unmarked()
    world.grants.revoke(request_id, REQUESTER)
    for _ in range(ATTEMPTS_BEFORE_OWNERS_HEAR):
        world.work_grants()
        world.clock.advance(timedelta(minutes=2))
    assert world.grant(request_id).state is GrantState.REVOCATION_FAILED


def test_a_name_that_was_somebody_elses_all_along_is_not_waited_for(world: World) -> None:
    request_id = world.ask()
    world.approvals.approve(request_id, OWNER)
    world.cluster = Unmarked()
    world.cluster.creating.errors = [Refusal("the name is taken")]
    world.work()
    assert world.grant(request_id).state is GrantState.CLEANED_UP


# --- who hears of it ---


@pytest.mark.parametrize(
    ("by", "heard"),
    [(REQUESTER, [OWNER]), (OWNER, [REQUESTER]), (SECOND_OWNER, [REQUESTER, OWNER])],
    ids=["requester", "approver", "another owner"],
)
def test_who_ended_it_reads_so_in_their_message_and_gets_no_second_one(world: World, by: str, heard: list[str]) -> None:
    request_id = world.ask()
    world.work()
    world.approvals.approve(request_id, OWNER)
    world.work()
    world.clock.advance(timedelta(minutes=1))
    world.work()
    before = len(world.notifier.log)
    world.grants.revoke(request_id, by)
    world.work()
    world.clock.advance(timedelta(minutes=1))
    world.work()
    log = world.notifier.log[before:]
    assert world.notifier.sent(MessageKind.ENDED) == heard
    assert by not in [recipient for did, _, recipient in log if did == "post"]
    assert ("edit", MessageKind.CREDENTIAL if by == REQUESTER else MessageKind.APPROVAL, by) in log


def test_who_ended_access_before_its_credential_was_there_is_told(world: World) -> None:
    request_id = world.approved()
    world.grants.revoke(request_id, REQUESTER)
    world.work()
    assert REQUESTER in world.notifier.sent(MessageKind.ENDED)
