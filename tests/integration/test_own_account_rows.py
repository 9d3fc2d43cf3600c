"""Whose account is whose, and who may write a personal role, on each database."""

from datetime import timedelta
from threading import Barrier, Thread

import pytest

from bot.access.errors import Conflict
from bot.access.models.columns import CredentialKind
from bot.access.models.own_accounts import OwnAccount
from bot.access.models.requests import AccessRequest
from bot.access.store.store import Store
from tests.rows import MINUTE, NOW, OTHER, WHO

SECOND = timedelta(seconds=1)


def asked(store: Store, person: str, username: str = "alice@example.com") -> AccessRequest:
    with store.writing() as write:
        return write.file(
            AccessRequest(
                id="", requester=person, integration="production", patterns=["logs-*"], permission="read",
                duration=3600, owners=[], created_at=NOW, pending_until=NOW + MINUTE,
                kind=CredentialKind.OWN_ACCOUNT, account={"username": username, "realm": "corp"},
            )
        )  # fmt: skip


def take(store: Store, request: AccessRequest) -> None:
    with store.writing() as write:
        write.take_account(request)


def row_of(store: Store, person: str = WHO) -> OwnAccount:
    with store.reading() as read:
        found = read.own_account("production", person)
    assert found is not None
    return found


def test_a_request_takes_the_account_and_learns_its_role(store: Store) -> None:
    request = asked(store, WHO)
    take(store, request)
    assert request.account == {"username": "alice@example.com", "realm": "corp", "role": "es-access-own-u0who"}
    take(store, asked(store, WHO, "Alice@Example.com"))  # it is the same one
    assert row_of(store).username == "alice@example.com"


def test_names_that_differ_in_case_are_one_account(store: Store) -> None:
    take(store, asked(store, WHO))
    with pytest.raises(Conflict, match="is somebody else's"):
        take(store, asked(store, OTHER, "ALICE@example.com"))


def test_of_two_people_at_once_one_has_it(store: Store) -> None:
    requests = [asked(store, WHO), asked(store, OTHER)]
    together, refused = Barrier(2), []

    def run(request: AccessRequest) -> None:
        together.wait()
        try:
            take(store, request)
        except Conflict as error:
            refused.append(error)

    threads = [Thread(target=run, args=(each,)) for each in requests]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert len(refused) == 1


def test_one_caller_has_the_row_until_the_claim_lapses(store: Store) -> None:
    take(store, asked(store, WHO))
    other = Store(store.engine, "another process")
    with store.writing() as write:
        [mine] = write.claim_accounts("production", [WHO], NOW, NOW + MINUTE)
    for each in (store, other):
        with each.writing() as write:
            assert write.claim_accounts("production", [WHO], NOW + SECOND, NOW + MINUTE) == []
    with other.writing() as write:
        [theirs] = write.claim_accounts("production", [WHO], NOW + MINUTE + SECOND, NOW + 2 * MINUTE)
        assert not write.keep_claim(mine, NOW + 3 * MINUTE)
        assert write.keep_claim(theirs, NOW + 3 * MINUTE)
    assert row_of(store).look_at is not None, "what the first one left is looked at"


def test_a_claim_that_lapsed_meanwhile_has_the_role_looked_at(store: Store) -> None:
    take(store, asked(store, WHO))
    with store.writing() as write:
        [mine] = write.claim_accounts("production", [WHO], NOW, NOW + SECOND)
        [theirs] = write.claim_accounts("production", [WHO], NOW + 2 * SECOND, NOW + MINUTE)
        write.release_accounts([theirs])
        write.record_role_look(theirs, None)
    with store.writing() as write:
        write.release_accounts([mine])
    assert row_of(store).look_at is not None


def test_a_start_alone_frees_every_row_and_remembers_that_it_was_held(store: Store) -> None:
    take(store, asked(store, WHO))
    with store.writing() as write:
        write.claim_accounts("production", [WHO], NOW, NOW + MINUTE)
    store.release_all_claims()
    with store.writing() as write:
        [row] = write.claim_accounts("production", [WHO], NOW + SECOND, NOW + MINUTE)
    assert row.look_at is not None
