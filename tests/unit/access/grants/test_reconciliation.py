"""Reconciliation: every way in which the cluster and the database can differ."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlmodel import select

from bot.access.audit.terms import UNKNOWN
from bot.access.errors import NotAllowed, Outage
from bot.access.grants.adoption import NOBODY, Adoption
from bot.access.grants.classification import SETTLING
from bot.access.grants.clock_skew import ClockSkewMonitor
from bot.access.grants.own_accounts.personal_roles import PersonalRoles
from bot.access.grants.reconciliation import Reconciliation, ReconciliationResult
from bot.access.grants.specs import spec_of
from bot.access.ids import CHECK_PREFIX
from bot.access.intervals import RECONCILE_EVERY
from bot.access.models.audit import AuditEvent
from bot.access.models.columns import CredentialKind
from bot.access.models.grants import GrantTask
from bot.access.models.messages import MessageKind
from bot.access.models.requests import AccessRequest
from bot.access.policy.model import PERMISSIONS, Integration, Permission
from bot.access.ports import InventoryItem, Privileges
from bot.access.states import GrantState
from bot.access.store.store import Store
from tests.fakes import OWNER, PRODUCTION, REQUESTER, SECOND_OWNER, FakeCluster, FakeClusters, World, policy_of

HOUR, SECOND = timedelta(hours=1), timedelta(seconds=1)
LATER = SETTLING + SECOND
"""An age at which a user or role is no longer new."""


def reconcile_in(world: World, clusters: FakeClusters | None = None) -> Reconciliation:
    clusters = clusters or world.clusters
    clocks = ClockSkewMonitor(world.store, clusters, world.directory, world.current, world.clock)
    adoption = Adoption(world.directory, world.current)
    roles = PersonalRoles(world.store, clusters, clusters, world.current, world.clock)
    return Reconciliation(world.store, clusters, adoption, clocks, roles, world.current, world.clock)


def reconcile(world: World) -> ReconciliationResult:
    outcome = reconcile_in(world).reconcile(PRODUCTION)
    assert outcome is not None
    return outcome


def there(world: World, request_id: str) -> InventoryItem:
    """The search result for an intact grant."""
    grant, request = world.grant(request_id), world.request_details(request_id).request
    return InventoryItem(
        username=grant.username, grant_id=request_id, requester=request.requester, expires_at=grant.expires_at,
        user=True, enabled=True, role=True, patterns=tuple(request.patterns),
        privileges=Privileges(("read", "view_index_metadata")),
    )  # fmt: skip


def lost(world: World, **values: object) -> InventoryItem:
    """Puts a user of ours into the cluster that the database does not know."""
    found = InventoryItem(
        username="es-access-7k3f9q", grant_id="REQ-7K3F9Q", requester=REQUESTER,
        expires_at=world.clock.now() + HOUR, user=True, enabled=True, role=True,
        patterns=("logs-*",), privileges=Privileges(("read", "view_index_metadata")),
    )  # fmt: skip
    found = replace(found, **values)  # type: ignore[arg-type]  # each test names the fields that it means
    if found.user:
        world.cluster.users[found.username] = "a password"
    world.cluster.keys[found.username] = dict.fromkeys(found.key_ids, world.clock.now() + HOUR)
    world.cluster.there = [found]
    return found


def only_grant(world: World) -> str:
    with world.store.reading() as read:
        (request,) = read._session.exec(select(AccessRequest)).all()
    return request.id


def events_of_nothing(world: World) -> list[AuditEvent]:
    with world.store.reading() as read:
        return list(read._session.exec(select(AuditEvent).where(AuditEvent.event == "reconcile.finished")))


# --- as it should be ---


def test_what_is_known_and_live_is_left_alone(world: World) -> None:
    request_id = world.granted()
    world.cluster.there = [there(world, request_id)]
    world.clock.advance(LATER)
    outcome = reconcile(world)
    assert (outcome.found, outcome.changes, outcome.error) == (1, {}, "")
    assert world.work_grants() == 0
    assert world.grant(request_id).claimed_by is None
    assert events_of_nothing(world) == []


def test_a_name_like_ours_that_says_nothing_is_nobodys_business(world: World) -> None:
    lost(world, marked=False, grant_id=None, requester=None, expires_at=None)
    outcome = reconcile(world)
    assert (outcome.found, outcome.changes) == (0, {})
    world.work()
    assert not world.cluster.empty


def test_what_was_made_before_there_were_ids_is_known_by_its_name(world: World) -> None:
    request_id = world.granted()
    world.cluster.there = [replace(there(world, request_id), marked=False)]
    assert reconcile(world).found == 1


# --- the database was lost ---


def test_what_is_lost_is_taken_over_and_ends_on_time(world: World) -> None:
    found = lost(world)
    outcome = reconcile(world)
    assert outcome.changes == {"adopted": 1}
    request, grant = world.request_details("REQ-7K3F9Q").request, world.grant("REQ-7K3F9Q")
    assert (request.requester, request.patterns, request.permission) == (REQUESTER, ["logs-*"], "read")
    assert (request.decided_by, request.flow, request.owners) == ("es-access", "", [OWNER, SECOND_OWNER])
    assert (grant.state, grant.expires_at, grant.username) == (GrantState.ACTIVE, found.expires_at, found.username)
    assert world.audit(request.id) == ["grant.adopted"]
    world.clock.advance(HOUR - SECOND)
    world.work()
    assert found.username in world.cluster.users
    world.clock.advance(SECOND)
    world.work()
    assert world.cluster.empty
    assert world.grant(request.id).end_reason == "expired"
    assert world.notifier.sent(MessageKind.ENDED) == [REQUESTER]


def test_what_was_taken_over_was_not_filed_within_the_hour(world: World) -> None:
    """After a lost database, the limit locked out people with several grants."""
    world.current.policy = world.current.policy.model_copy(update={"requests_per_hour": 2})
    lost(world)
    (one,) = world.cluster.there
    for number in range(1, 6):
        name = f"es-access-7k3f{number:02}"
        world.cluster.there.append(replace(one, username=name, grant_id=f"REQ-7K3F{number:02}"))
    assert reconcile(world).changes == {"adopted": 6}
    world.ask()
    world.ask()
    with pytest.raises(NotAllowed, match="filed 2 requests within an hour"):
        world.ask()


def test_the_audit_says_how_it_came(world: World) -> None:
    lost(world)
    reconcile(world)
    with world.store.reading() as read:
        (event,) = read._session.exec(select(AuditEvent).where(AuditEvent.event == "grant.adopted"))
    assert event.detail["source"] == "found in the cluster; the database did not know it"
    assert (event.detail["integration"], event.detail["permission"]) == (PRODUCTION.name, "read")


def test_what_was_taken_over_is_known_from_then_on_and_can_be_revoked(world: World) -> None:
    lost(world)
    assert reconcile(world).changes == {"adopted": 1}
    world.clock.advance(LATER)
    assert reconcile(world).changes == {}
    world.grants.revoke("REQ-7K3F9Q", REQUESTER)
    world.work()
    assert world.cluster.empty
    assert world.grant("REQ-7K3F9Q").state is GrantState.CLEANED_UP


def test_a_lost_key_is_taken_over_as_a_key(world: World) -> None:
    lost(world, user=False, enabled=False, role=False, key_ids=("old", "new"))
    assert reconcile(world).changes == {"adopted": 1}
    assert world.request_details("REQ-7K3F9Q").request.kind is CredentialKind.API_KEY
    assert world.grant("REQ-7K3F9Q").key_id == "new"


KIBANA = Privileges(("read",), kibana=("feature_discover.read",), spaces=("sales", "default"), run_as=("reports",))


def test_what_a_role_holds_besides_indices_is_kept_under_the_name_of_its_permission(world: World) -> None:
    held = {"indices": ["read"], "kibana": ["feature_discover.read"], "spaces": ["default", "sales"]}
    permission = Permission.restored("dashboards", {**held, "run_as": ["reports"]})
    world.current.policy = world.current.policy.model_copy(update={"permissions": (permission, *PERMISSIONS)})
    lost(world, privileges=KIBANA)
    reconcile(world)
    request = world.request_details("REQ-7K3F9Q").request
    assert request.permission == "dashboards"
    assert spec_of(request, world.grant("REQ-7K3F9Q")).privileges == KIBANA


def test_a_role_that_gives_more_than_any_permission_is_of_none_of_them(world: World) -> None:
    lost(world, privileges=replace(KIBANA, indices=("read", "view_index_metadata")))
    reconcile(world)
    assert world.request_details("REQ-7K3F9Q").request.permission == UNKNOWN


def test_a_fresh_secret_for_what_was_taken_over_is_delivered_and_removed_at_the_end(world: World) -> None:
    lost(world)
    reconcile(world)
    world.grants.reset("REQ-7K3F9Q", REQUESTER)
    world.work()
    (password,) = world.cluster.passwords
    assert world.notifier.shows(password)
    world.clock.advance(HOUR)
    world.work()
    assert not world.notifier.shows(password)
    assert world.cluster.empty


@pytest.mark.parametrize(
    "values",
    [
        {"expires_at": None},
        {"requester": None},
        {"requester": "C0GENERAL"},
        {"user": False, "enabled": False},
        {"enabled": False},
    ],
    ids=["no end", "nobody's", "a channel", "a role alone", "disabled"],
)
def test_what_cannot_be_run_to_its_end_is_ended_at_once(world: World, values: dict[str, object]) -> None:
    lost(world, **values)
    world.cluster.disabled = set()
    outcome = reconcile(world)
    assert outcome.changes == {"ended": 1}
    world.work()
    grant = world.grant("REQ-7K3F9Q")
    assert (grant.state, grant.end_reason) == (
        GrantState.CLEANED_UP, "it was found in the cluster, and is not known here",
    )  # fmt: skip
    assert grant.receipt is not None
    assert grant.receipt["user_gone"]
    assert world.cluster.empty


def test_what_is_over_is_ended_at_once_and_tried_until_it_is_confirmed(world: World) -> None:
    lost(world, expires_at=world.clock.now())
    world.cluster.removing.errors = [Outage("no answer")]
    reconcile(world)
    world.work()
    assert world.grant("REQ-7K3F9Q").state is GrantState.REVOKING
    world.clock.advance(HOUR)
    world.work()
    assert world.cluster.empty


def test_an_id_that_is_taken_or_wrong_is_replaced(world: World) -> None:
    taken = world.ask()
    lost(world, grant_id=taken)
    outcome = reconcile(world)
    assert outcome.adopted
    assert outcome.adopted != [taken]
    assert world.request_details(taken).request.patterns == ["logs-*"]


def test_what_no_role_tells_of_is_called_unknown(world: World) -> None:
    lost(world, role=False, patterns=(), privileges=Privileges(()), requester=None)
    reconcile(world)
    request = world.request_details("REQ-7K3F9Q").request
    assert (request.patterns, request.permission, request.requester) == ([UNKNOWN], UNKNOWN, NOBODY)


def test_taking_over_does_not_wait_for_slack(world: World) -> None:
    world.directory.asked.errors = [Outage("no Slack")] * 3
    lost(world)
    assert reconcile(world).changes == {"adopted": 1}
    assert world.request_details("REQ-7K3F9Q").request.owners == []


# --- there again ---


@pytest.mark.parametrize("values", [{}, {"enabled": False}, {"user": False, "enabled": False}])
def test_what_had_ended_and_is_there_again_is_ended_again(world: World, values: dict[str, object]) -> None:
    request_id = world.granted()
    found = there(world, request_id)
    world.grants.revoke(request_id, REQUESTER)
    world.work()
    world.cluster.users[found.username] = "made by hand"
    world.cluster.there = [replace(found, **values)]  # type: ignore[arg-type]
    assert reconcile(world).changes == {}, "a search may still show what was removed this moment"
    world.clock.advance(LATER)
    assert reconcile(world).changes == {"found_again": 1}
    world.work()
    assert world.cluster.empty
    assert world.audit(request_id)[-2:] == ["grant.found_again", "grant.removed_again"]
    assert world.grant(request_id).due_at is None


def test_a_disabled_user_that_is_kept_for_some_days_is_left_alone_and_enabled_again_is_removed(world: World) -> None:
    kept = PRODUCTION.model_copy(update={"user_cleanup_days": 7})
    world.current.policy = policy_of(integrations=(kept,))
    request_id = world.granted()
    found = there(world, request_id)
    world.grants.revoke(request_id, REQUESTER)
    world.work()
    assert world.grant(request_id).state is GrantState.REVOKED
    world.clock.advance(LATER)
    world.cluster.there = [replace(found, enabled=False, role=False)]
    assert reconcile(world).changes == {}
    world.cluster.there = [replace(found, enabled=True, role=False)]
    assert reconcile(world).changes == {"found_again": 1}
    world.work()
    assert world.grant(request_id).state is GrantState.CLEANED_UP
    assert world.cluster.empty


# --- removed by hand ---


def test_what_was_removed_by_hand_is_closed_and_people_are_told(world: World) -> None:
    request_id = world.granted()
    world.cluster.users.clear()
    assert reconcile(world).changes == {}, "a search may not show yet what was made this moment"
    world.clock.advance(LATER)
    assert reconcile(world).changes == {"removed_by_hand": 1}
    world.work()
    grant = world.grant(request_id)
    assert (grant.state, grant.end_reason) == (GrantState.CLEANED_UP, "it was removed from the cluster by hand")
    assert world.notifier.sent(MessageKind.ENDED) == [REQUESTER, OWNER]
    assert not world.notifier.shows(world.cluster.passwords[0])
    (finished,) = events_of_nothing(world)
    assert finished.detail["removed_by_hand"] == 1


def test_what_a_search_does_not_show_and_is_there_stays(world: World) -> None:
    request_id = world.granted()
    due = world.grant(request_id).due_at
    world.clock.advance(LATER)
    assert reconcile(world).changes == {}
    grant = world.grant(request_id)
    assert (grant.state, grant.due_at, grant.claimed_by) == (GrantState.ACTIVE, due, None)


def test_what_somebody_works_on_is_not_called_removed(world: World) -> None:
    request_id = world.granted()
    world.cluster.users.clear()
    world.clock.advance(LATER)
    other = Store(world.store._engine, "second")
    with other.writing() as write:
        assert write.claim_grant(request_id, world.clock.now(), world.clock.now() + HOUR)
    assert reconcile(world).changes == {}


def test_what_is_about_to_get_a_fresh_secret_is_not_called_removed(world: World) -> None:
    request_id = world.granted()
    world.clock.advance(LATER)
    world.cluster.users.clear()
    world.grants.reset(request_id, REQUESTER)
    assert world.grant(request_id).task is GrantTask.RENEW
    assert reconcile(world).changes == {}
    assert world.work_grants() == 1, "the worker finds out, and ends it"
    assert world.grant(request_id).end_reason == "it was removed from the cluster by hand"


def test_a_cluster_that_goes_away_in_between_ends_nothing(world: World) -> None:
    request_id = world.granted()
    world.cluster.users.clear()
    world.clock.advance(LATER)

    class GoesAway(FakeCluster):
        def found(self) -> Iterable[Sequence[InventoryItem]]:
            yield []
            self.asked.errors = [Outage("no answer")]

    outcome = reconcile_in(world, FakeClusters(production=GoesAway())).reconcile(PRODUCTION)
    assert outcome is not None
    assert (outcome.changes, outcome.error) == ({}, "no answer")
    assert (world.grant(request_id).state, world.grant(request_id).claimed_by) == (GrantState.ACTIVE, None)


# --- whose turn it is ---


def test_rounds_come_at_the_start_and_at_intervals_and_soon_after_a_failure(world: World) -> None:
    rounds = reconcile_in(world)
    world.cluster.asked.errors = [Outage("no answer")]
    (failed,) = rounds.run_once()
    assert failed.error == "no answer"
    (done,) = rounds.run_once()
    assert done.error == ""
    assert rounds.run_once() == []
    world.clock.advance(RECONCILE_EVERY - SECOND)
    assert rounds.run_once() == []
    world.clock.advance(SECOND)
    assert len(rounds.run_once()) == 1
    assert len(reconcile_in(world).run_once()) == 1, "a start is a reason of its own"


def test_one_process_does_it_at_a_time_and_another_takes_over(world: World) -> None:
    second = Store(world.store._engine, "second")
    other = world.on(second)

    class Meanwhile(FakeCluster):
        def found(self) -> Iterable[Sequence[InventoryItem]]:
            assert reconcile_in(other).run_once() == []
            yield []

    outcome = reconcile_in(world, FakeClusters(production=Meanwhile())).reconcile(PRODUCTION)
    assert outcome is not None
    assert len(reconcile_in(other).run_once()) == 1


def test_one_cluster_away_does_not_keep_the_others_waiting(world: World) -> None:
    staging = Integration(name="staging", owner=("@owners",), public_url="https://staging.example")
    world.current.policy = policy_of(integrations=(PRODUCTION, staging))
    away, well = FakeCluster(), FakeCluster()
    away.asked.errors = [Outage("no answer")] * 9
    well.there = [lost(world)]
    first, second = reconcile_in(world, FakeClusters(production=away, staging=well)).run_once()
    assert (first.error, second.changes) == ("no answer", {"adopted": 1})
    assert world.request_details(only_grant(world)).request.integration == "staging"


def test_a_key_that_is_gone_is_closed_and_one_that_was_never_revealed_is_not(world: World) -> None:
    lost(world, user=False, enabled=False, role=False, key_ids=("only",))
    reconcile(world)
    world.clock.advance(LATER)
    world.cluster.there, world.cluster.keys = [], {}
    with world.store.writing() as write:
        grant = write.grant("REQ-7K3F9Q")
        assert grant is not None
        write.change(grant, "test", "test", world.clock.now(), key_id=None)
    assert reconcile(world).changes == {}
    with world.store.writing() as write:
        write.change(grant, "test", "test", world.clock.now(), key_id="only")
    assert reconcile(world).changes == {"removed_by_hand": 1}


# --- users of `bot check` ---


def test_what_a_killed_check_left_is_removed_once_its_time_is_over(world: World) -> None:
    name = f"{CHECK_PREFIX}1a2b3c4d"
    lost(world, username=name, grant_id=name, requester=None, marked=False, expires_at=world.clock.now() + SECOND)
    assert reconcile(world).changes == {}
    assert name in world.cluster.users, "the check may still be running"
    world.clock.advance(2 * SECOND)
    assert reconcile(world).changes == {}
    assert world.cluster.users == {}
