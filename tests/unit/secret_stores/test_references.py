"""References to secrets: each form is read as intended, and problems are named without the value."""

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from bot.access.errors import Refusal
from bot.release import how_to_install
from bot.secret_stores import REFERENCE, SecretStore, is_reference, open_secret_store
from bot.secret_stores.aws import AwsStore
from bot.secret_stores.azure import AzureStore
from bot.secret_stores.environment import EnvironmentStore
from bot.secret_stores.file import FileStore
from bot.secret_stores.google import GoogleStore
from bot.secret_stores.store import import_library
from bot.secret_stores.vault import VaultStore

SECRET = "canary-7f3a"

VARIABLES = {"ES_PASSWORD": SECRET, "EMPTY": "", "IN_A_FILE": "file:/run/secrets/es", "LOOP": "env:LOOP",
             "WRONG": f"vault://{SECRET}", "lower": SECRET}  # fmt: skip

RIGHT: dict[str, SecretStore] = {
    "env:ES_PASSWORD": EnvironmentStore("ES_PASSWORD", SecretStr(SECRET)),
    "env:lower": EnvironmentStore("lower", SecretStr(SECRET)),
    "env:IN_A_FILE": FileStore(Path("/run/secrets/es")),
    "file:/run/secrets/es": FileStore(Path("/run/secrets/es")),
    "file:///run/secrets/es": FileStore(Path("/run/secrets/es")),
    "file:/var/my secrets/é": FileStore(Path("/var/my secrets/é")),
    "aws-sm://eu-west-1/es": AwsStore("eu-west-1", "es"),
    "aws-sm://eu-west-1/team/es#password": AwsStore("eu-west-1", "team/es", "password"),
    "aws-sm://eu-west-1/arn:aws:secretsmanager:eu-west-1:123456789012:secret:es-a1b2c3#p": AwsStore(
        "eu-west-1", "arn:aws:secretsmanager:eu-west-1:123456789012:secret:es-a1b2c3", "p"
    ),
    "gcp-sm://my-project/es_connector": GoogleStore("my-project", "es_connector"),
    "gcp-sm://example.com:my-project/es": GoogleStore("example.com:my-project", "es"),
    "azure-kv://my-vault/es-connector": AzureStore("my-vault", "es-connector"),
    "azure-kv://my-vault.vault.azure.cn/es": AzureStore("my-vault.vault.azure.cn", "es"),
    "vault://vault.example.com:8200/secret/es#password": VaultStore(
        "vault.example.com:8200", "secret", "es", "password"
    ),
    "vault://vault/secret/team/es/connector#the-key": VaultStore("vault", "secret", "team/es/connector", "the-key"),
}

WRONG = {
    "env:": "must be like env:NAME",
    "env:with space": "must be like env:NAME",
    "env:9": "must be like env:NAME",
    "env:OTHER": "the environment variable OTHER is not set",
    "env:EMPTY": "the environment variable EMPTY is not set",
    "env:Hunter2": "the environment variable of this name is not set",
    "env:LOOP": "the environment variable LOOP leads to another variable",
    "env:WRONG": "the environment variable WRONG must be like vault://HOST:PORT/MOUNT/PATH#KEY",
    "file:relative": "must be like file:/PATH",
    "file:": "must be like file:/PATH",
    "file:/": "must be like file:/PATH",
    "aws-sm://es": "must be like aws-sm://REGION/SECRET",
    "aws-sm://eu west/es": "must be like aws-sm://REGION/SECRET",
    "aws-sm://eu-west-1/es#": "must be like aws-sm://REGION/SECRET",
    "gcp-sm://project/es/versions/1": "must be like gcp-sm://PROJECT/SECRET",
    "azure-kv://vault/under_score": "must be like azure-kv://VAULT/SECRET",
    "vault://host/secret#key": "must be like vault://HOST:PORT/MOUNT/PATH#KEY",
    "vault://host/secret/es": "must be like vault://HOST:PORT/MOUNT/PATH#KEY",
    "vault://user:pass@host/secret/es#key": "must be like vault://HOST:PORT/MOUNT/PATH#KEY",
    "vault:secret/es": "must be like env:NAME",
    SECRET: "must be like env:NAME",
}


@pytest.mark.parametrize("reference", RIGHT)
def test_a_reference_names_its_store(reference: str) -> None:
    assert is_reference(reference)
    assert open_secret_store(reference, VARIABLES) == RIGHT[reference]


@pytest.mark.parametrize("reference", RIGHT)
def test_a_store_says_where_it_is_and_nothing_of_the_secret(reference: str) -> None:
    store = open_secret_store(reference, VARIABLES)
    assert store.location
    assert SECRET not in store.location
    assert SECRET not in repr(store)


@pytest.mark.parametrize("reference", WRONG)
def test_what_is_no_reference_is_refused_without_its_value(reference: str) -> None:
    with pytest.raises(ValueError, match=re.escape(WRONG[reference])) as refused:
        open_secret_store(reference, VARIABLES)
    assert SECRET not in str(refused.value)


@pytest.mark.parametrize("secret", ["hunter2", "xoxb-1234567890", "sqlite:///es-access.db", "postgresql://u:p@h/db"])
def test_an_ordinary_secret_is_not_taken_for_a_reference(secret: str) -> None:
    assert not is_reference(secret)


@given(text=st.one_of(st.text(), st.from_regex(f"({REFERENCE})"), st.sampled_from([*RIGHT, *WRONG])))
def test_whatever_is_written_is_a_store_or_a_sentence(text: str) -> None:
    try:
        store = open_secret_store(text, VARIABLES)
    except ValueError as error:
        assert str(error)  # noqa: PT017 (of the code under test)
    else:
        assert is_reference(text)
        assert store.location


def test_a_variable_cannot_be_written_and_says_so() -> None:
    store = open_secret_store("env:ES_PASSWORD", VARIABLES)
    assert store.read().get_secret_value() == SECRET
    assert store.previous() is None
    for act in (store.check_writable, lambda: store.write(SecretStr("new"))):
        with pytest.raises(Refusal, match="the variable ES_PASSWORD cannot be written"):
            act()


def test_a_library_that_is_not_installed_is_named_by_its_extra() -> None:
    with pytest.raises(Refusal, match=re.escape(f"needs more packages: {how_to_install('vault')}")):
        import_library("no_such_library_7f3a", "vault")
