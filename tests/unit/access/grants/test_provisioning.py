"""The life of a grant: provisioned, delivered and removed completely, whatever fails on the way."""

from datetime import timedelta
from pathlib import Path
from threading import Event

import pytest

from bot.access.backoff import LONGEST_PAUSE
from bot.access.errors import Outage, Refusal
from bot.access.grants.provisioning import ATTEMPTS_BEFORE_REQUESTER_HEARS
from bot.access.lifecycle.timeline import GATHER
from bot.access.models.messages import Message, MessageKind
from bot.access.passwords import PASSWORD_LENGTH, new_password
from bot.access.ports import CredentialSpec, Privileges
from bot.access.states import GrantState, RequestState
from tests.fakes import OWNER, REQUESTER, SECOND_OWNER, World

HOUR = timedelta(hours=1)
LONG = LONGEST_PAUSE * 2
"""Longer than any pause between two attempts."""


# --- provision and deliver ---


def test_approval_gives_a_credential_of_exactly_what_was_asked(world: World) -> None:
    request_id = world.approved()
    world.work()
    grant = world.grant(request_id)
    assert grant.state is GrantState.ACTIVE
    assert grant.delivered_at == world.clock.now()
    assert grant.claimed_by is None
    assert world.cluster.roles == {
        grant.username: CredentialSpec(
            grant_id=request_id,
            username=grant.username,
            requester=REQUESTER,
            patterns=("logs-*",),
            privileges=Privileges(("read", "view_index_metadata"), (), ("default",)),
            expires_at=grant.expires_at,
            opens_kibana=True,
        )
    }
    assert world.notifier.shows(world.cluster.users[grant.username])
    assert world.audit(request_id) == ["request.submitted", "request.approved", "grant.active"]


def test_approval_and_grant_are_kept_before_the_cluster_is_called(world: World) -> None:
    seen: list[tuple[RequestState, GrantState]] = []

    def look(spec: CredentialSpec) -> None:
        details = world.request_details(spec.grant_id)
        assert details.grant is not None
        seen.append((details.request.state, details.grant.state))

    world.cluster.before_create = look
    world.approved()
    assert world.cluster.passwords == []
    world.work_grants()
    assert seen == [(RequestState.APPROVED, GrantState.PROVISIONING)]


def test_where_the_message_stands_is_kept_before_a_secret_is_in_it(world: World) -> None:
    places: list[str | None] = []

    def look() -> None:
        with world.store.reading() as read:
            message = read.message(request_id, MessageKind.CREDENTIAL, REQUESTER)
        places.append(message.ts if message else None)
        assert not any(world.notifier.shows(password) for password in world.cluster.passwords)

    world.notifier.before_deliver = look
    request_id = world.approved()
    world.work_grants()
    assert places == ["1.0"]


def test_no_password_is_ever_in_the_database(world: World) -> None:
    world.cluster.creating.errors = [Outage("away")]
    world.notifier.delivering.errors = [Outage("away")]
    request_id = world.approved()
    for _ in range(3):
        world.work()
        world.clock.advance(LONG)
    assert world.state(request_id) is GrantState.ACTIVE
    world.grants.revoke(request_id, REQUESTER)
    world.work()
    # The files themselves, including the write-ahead log, so that no column is missed.
    database = world.store._engine.url.database
    assert database is not None
    kept = b"".join(Path(database + suffix).read_bytes() for suffix in ("", "-wal"))
    assert request_id.encode() in kept
    assert len(world.cluster.passwords) == 3
    for password in world.cluster.passwords:
        assert password.encode() not in kept


def test_passwords_are_long_plain_and_never_the_same() -> None:
    made = {new_password().get_secret_value() for _ in range(100)}
    assert len(made) == 100
    assert all(len(each) == PASSWORD_LENGTH and each.isalnum() and each.isascii() for each in made)
    assert "SecretStr('*" in repr(new_password())


@pytest.mark.parametrize("step", ["create", "place", "deliver"])
def test_an_outage_puts_it_off_and_the_next_attempt_has_a_new_password(world: World, step: str) -> None:
    script = {
        "create": world.cluster.creating, "place": world.notifier.sending, "deliver": world.notifier.delivering,
    }[step]  # fmt: skip
    script.errors = [Outage("no answer")]
    request_id = world.approved()
    world.work_grants()
    assert world.state(request_id) is GrantState.PROVISIONING
    assert "grant.provisioning_delayed" in world.audit(request_id)
    assert world.work_grants() == 0  # not at once
    world.clock.advance(LONG)
    world.work_grants()
    assert world.state(request_id) is GrantState.ACTIVE
    first, second = world.cluster.passwords
    assert first != second
    assert world.cluster.users == {world.grant(request_id).username: second}
    assert world.notifier.shows(second)
    assert not world.notifier.shows(first)
    assert world.notifier.sent(MessageKind.CREDENTIAL) == [REQUESTER]  # one message, however many attempts


def test_a_pause_that_was_asked_for_is_kept(world: World) -> None:
    world.cluster.creating.errors = [Outage("429", retry_after=600)]
    request_id = world.approved()
    world.work_grants()
    assert world.grant(request_id).due_at == world.clock.now() + timedelta(seconds=600)


def test_the_requester_hears_once_when_the_cluster_keeps_silent(world: World) -> None:
    world.cluster.creating.errors = [Outage("no answer")] * 6
    world.approved()
    heard = []
    for _ in range(6):
        world.work()
        heard.append(len(world.notifier.sent(MessageKind.DELAYED)))
        world.clock.advance(LONG)
    silent = ATTEMPTS_BEFORE_REQUESTER_HEARS - 1
    assert heard == [0] * silent + [1] * (6 - silent)


def test_what_was_never_delivered_ends_on_time_as_well(world: World) -> None:
    world.cluster.creating.errors = [Outage("no answer")] * 1000
    request_id = world.approved()
    end = world.grant(request_id).expires_at
    while world.clock.now() < end:
        world.work_grants()
        due = world.grant(request_id).due_at
        assert due is not None
        assert due <= end
        world.clock.time = due
    world.work_grants()
    assert world.state(request_id) is GrantState.CLEANED_UP
    assert world.cluster.empty


@pytest.mark.parametrize("step", ["create", "place", "deliver"])
def test_a_refusal_undoes_everything_and_tells_everyone(world: World, step: str) -> None:
    script = {
        "create": world.cluster.creating, "place": world.notifier.sending, "deliver": world.notifier.delivering,
    }[step]  # fmt: skip
    script.errors = [Refusal("the account may not do this")]
    request_id = world.approved()
    world.work()
    grant = world.grant(request_id)
    assert grant.state is GrantState.CLEANED_UP
    assert grant.end_reason == ("could not be created" if step == "create" else "could not be delivered")
    assert world.cluster.empty
    assert world.notifier.sent(MessageKind.FAILED) == [OWNER, SECOND_OWNER]
    world.clock.advance(GATHER)  # in the approver's thread it comes below the approval
    world.work()
    assert set(world.notifier.sent(MessageKind.ENDED)) == {REQUESTER, OWNER}
    assert not any(world.notifier.shows(password) for password in world.cluster.passwords)


def test_a_refusal_before_the_message_is_posted_loses_no_message(world: World) -> None:
    def be_slow(_message: Message) -> None:
        Event().wait(0.2)  # longer than the refusal takes

    world.notifier.during_send = be_slow
    world.cluster.creating.errors = [Refusal("the account may not do this")]
    request_id = world.approved()
    world.work_grants()
    world.notifier.during_send = lambda _message: None
    world.work()
    assert world.notifier.shows(f"credential {request_id} approved cleaned_up")
    assert world.notifier.sent(MessageKind.CREDENTIAL) == [REQUESTER]
