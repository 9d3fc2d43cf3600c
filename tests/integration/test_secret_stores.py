"""The stores of the vendors, each against the best server that can be had: see `tests.secret_servers`."""

from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from bot.access.errors import Outage, Refusal
from bot.secret_stores import SecretStore, open_secret_store
from tests.secret_servers import (
    SecretServer,
    amazon,
    azure_stand_in,
    google_stand_in,
    real_vault,
    vault_program,
    vault_stand_in,
)

FIRST, SECOND, THIRD = (SecretStr(f"{name}-canary-7f3a") for name in ("first", "second", "third"))

SERVERS = ["amazon", "azure", "google", "vault", *(["real vault"] if vault_program() else [])]

# What the vendors' libraries warn of at import is theirs to mend.
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")


@pytest.fixture(params=SERVERS)
def server(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[SecretServer]:
    opened: dict[str, Any] = {
        "amazon": amazon, "google": google_stand_in, "vault": vault_stand_in, "real vault": real_vault,
        "azure": lambda secret: azure_stand_in(secret, tmp_path),
    }  # fmt: skip
    made: AbstractContextManager[SecretServer] = opened[request.param](FIRST.get_secret_value())
    with made as running:
        monkeypatch.setenv("HOME", str(tmp_path))
        for name, value in running.environment.items():
            monkeypatch.setenv(name, value)
        yield running


@pytest.fixture
def store(server: SecretServer) -> SecretStore:
    return open_secret_store(server.reference, {})


def test_it_reads_what_is_there_now(server: SecretServer, store: SecretStore) -> None:
    assert store.read() == FIRST
    server.put(SECOND.get_secret_value())
    assert store.read() == SECOND


def test_it_has_nothing_before_the_first_write(store: SecretStore) -> None:
    assert store.previous() is None


def test_a_write_keeps_what_was_there(store: SecretStore) -> None:
    store.write(SECOND)
    assert (store.read(), store.previous()) == (SECOND, FIRST)
    store.write(THIRD)
    assert (store.read(), store.previous()) == (THIRD, SECOND)


def test_whether_it_can_be_written_is_found_without_changing_it(store: SecretStore) -> None:
    store.write(SECOND)
    store.check_writable()
    assert (store.read(), store.previous()) == (SECOND, FIRST)


def test_a_store_that_may_not_be_written_says_so_before_and_at_the_write(
    server: SecretServer, store: SecretStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    if server.forbid is None:
        pytest.skip("moto knows no rights")
    server.forbid()
    for name, value in server.environment.items():
        monkeypatch.setenv(name, value)
    for act in (store.check_writable, lambda: store.write(SECOND)):
        with pytest.raises(Refusal) as refused:
            act()
        says(refused.value, store)
    assert store.read() == FIRST


def test_a_secret_that_is_not_there_is_named(server: SecretServer) -> None:
    missing = open_secret_store(server.missing, {})
    for act in (missing.read, lambda: missing.write(SECOND)):
        with pytest.raises(Refusal) as refused:
            act()
        says(refused.value, missing)


def test_an_empty_secret_is_none(server: SecretServer, store: SecretStore) -> None:
    if server.reference.startswith("aws-sm:"):
        pytest.skip("AWS stores no empty secret")
    server.put("")
    with pytest.raises(Refusal, match="is empty"):
        store.read()


def test_a_store_that_is_down_is_an_outage_and_nothing_is_remembered(server: SecretServer, store: SecretStore) -> None:
    assert store.read() == FIRST
    server.stop()
    for act in (store.read, store.previous, store.check_writable, lambda: store.write(SECOND)):
        with pytest.raises(Outage) as failed:
            act()
        says(failed.value, store)


def says(error: Exception, store: SecretStore) -> None:
    """A sentence with the place in it, and with no secret; nor has what caused it been kept."""
    assert store.location in str(error)
    assert "canary" not in str(error)
    assert error.__cause__ is None
    assert error.__suppress_context__ or error.__context__ is None


def test_without_an_account_it_is_said_that_there_is_none(
    server: SecretServer, store: SecretStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    if server.reference.startswith(("gcp-sm:", "azure-kv:")):
        pytest.skip("these look for an account on the network")
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "VAULT_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    with pytest.raises(Refusal) as refused:
        store.read()
    says(refused.value, store)


# --- one key of several ---


@pytest.fixture
def document(monkeypatch: pytest.MonkeyPatch) -> Iterator[SecretServer]:
    with amazon('{"username": "es-access-connector", "password": "first-canary-7f3a", "port": 9200}') as running:
        for name, value in running.environment.items():
            monkeypatch.setenv(name, value)
        yield running


def test_one_key_of_a_json_document_is_read_and_written_and_the_others_stay(document: SecretServer) -> None:
    store = open_secret_store(f"{document.reference}#password", {})
    assert store.read() == FIRST
    store.check_writable()
    store.write(SECOND)
    assert (store.read(), store.previous()) == (SECOND, FIRST)
    whole = open_secret_store(document.reference, {}).read().get_secret_value()
    assert whole == '{"username": "es-access-connector", "password": "second-canary-7f3a", "port": 9200}'


@pytest.mark.parametrize(
    ("content", "key", "words"),
    [("no json", "password", "is no JSON document"), ("[1]", "password", "is no JSON document"),
     ('{"a": 1}', "password", "has no key password"), ('{"a": 1}', "a", "no text"), ('{"a": ""}', "a", "is empty")],
)  # fmt: skip
def test_what_is_no_such_document_is_refused(document: SecretServer, content: str, key: str, words: str) -> None:
    document.put(content)
    with pytest.raises(Refusal, match=words):
        open_secret_store(f"{document.reference}#{key}", {}).read()


@pytest.mark.parametrize("server", [each for each in SERVERS if "vault" in each], indirect=True)
def test_vault_keeps_the_other_keys_and_looks_further_back_than_they_were_written(
    server: SecretServer, store: SecretStore
) -> None:
    store.write(SECOND)
    user = open_secret_store(server.reference.replace("#password", "#username"), {})
    user.write(SecretStr("another-user"))
    assert (store.read(), store.previous()) == (SECOND, FIRST)
    assert user.read().get_secret_value() == "another-user"
    with pytest.raises(Refusal, match="there is no text under this key"):
        open_secret_store(server.reference.replace("#password", "#nothing"), {}).read()
