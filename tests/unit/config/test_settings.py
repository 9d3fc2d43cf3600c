"""Settings: everything that is wrong is named at once, no value is ever shown, and nothing ends in a traceback."""

import base64
import os
import subprocess
import sys
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from unittest.mock import patch

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy.engine import make_url

from bot.config.settings import Settings, SettingsError, load_settings
from bot.storage.engine import database_url

CANARY = "canary-7f3a"
"""Stands in every wrong value, and must stand in no message."""

COMPLETE = {
    "SLACK_BOT_TOKEN": "xoxb-1234567890",
    "SLACK_APP_TOKEN": "xapp-1234567890",
    "ELASTICSEARCH_URL": "https://es.example.com:9200",
    "ELASTICSEARCH_USERNAME": "es-access-connector",
    "ELASTICSEARCH_PASSWORD": "secret",
    "INTEGRATION_OWNER": "alice@example.com,@data-owners,U012ABCDEF",
}

REQUIRED = ["SLACK_BOT_TOKEN", "ELASTICSEARCH_USERNAME", "ELASTICSEARCH_PASSWORD", "INTEGRATION_OWNER"]


def encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


BAD = {
    "SLACK_BOT_TOKEN": f"xapp-{CANARY}",
    "SLACK_APP_TOKEN": f"xoxb-{CANARY}",
    "SLACK_API_URL": f"ftp://{CANARY}",
    "ELASTICSEARCH_URL": f"https://user:{CANARY}@host:9200",
    "ELASTICSEARCH_PUBLIC_URL": CANARY,
    "ELASTICSEARCH_CA_CERTS": f"/{CANARY}/ca.pem",
    "INTEGRATION_NAME": f"{CANARY} with spaces",
    "INTEGRATION_OWNER": CANARY,
    "CUSTOM_ACCESS_DETAILS": CANARY * 40,
    "MAX_DURATION": CANARY,
    "PENDING_DURATION": CANARY,
    "DATABASE_URL": f"mysql://user:{CANARY}@host/db",
    "PORT": CANARY,
    "HEALTH_PORT": CANARY,
    "LOG_LEVEL": CANARY,
    "LOG_FORMAT": CANARY,
    "RESOURCE_OWNER_KEY": f"{CANARY}\nowner",
    "CREDENTIAL_ROTATION_DAYS": CANARY,
    "USER_CLEANUP_DAYS": CANARY,
}
"""One wrong value for each variable that can have one."""

WORSE = [
    ("ELASTICSEARCH_URL", "host:9200"),
    ("ELASTICSEARCH_URL", "https://ho st:9200"),
    ("DATABASE_URL", "sqlite://"),
    ("DATABASE_URL", "sqlite:///:memory:"),
    ("DATABASE_URL", "::::"),
    ("SLACK_BOT_TOKEN", "xoxb-"),  # as .env.example has it
    ("SLACK_APP_TOKEN", "xapp-"),
    ("PORT", "-1"),
    ("PORT", "65536"),
    ("MAX_DURATION", "0h"),
    ("MAX_DURATION", "-1h"),
    ("MAX_DURATION", "99999999d"),
    ("INTEGRATION_OWNER", ","),
    ("INTEGRATION_OWNER", "alice@example.com,bob"),
    ("ELASTICSEARCH_CA_CERTS", "/"),
]


@pytest.fixture(autouse=True)
def empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No `.env` but the test's own."""
    monkeypatch.chdir(tmp_path)


def problems_of(environment: Mapping[str, str]) -> tuple[str, ...]:
    """The problems of the settings; none if they are accepted."""
    try:
        read(environment)
    except SettingsError as error:
        return error.sentences
    return ()


def read(environment: Mapping[str, str]) -> Settings:
    with patch.dict(os.environ, environment, clear=True):
        return load_settings()


def without(*names: str) -> dict[str, str]:
    return {name: value for name, value in COMPLETE.items() if name not in names}


def test_a_complete_environment_is_taken() -> None:
    found = read(COMPLETE)
    assert found.integration_owner == ("alice@example.com", "@data-owners", "U012ABCDEF")
    assert found.socket_mode
    assert found.max_duration == timedelta(days=7)


def test_everything_that_is_missing_is_named_at_once() -> None:
    named = "\n".join(problems_of({}))
    for variable in [
        *REQUIRED,
        "SLACK_APP_TOKEN",
        "SLACK_SIGNING_SECRET",
        "ELASTICSEARCH_URL",
        "ELASTICSEARCH_CLOUD_ID",
    ]:
        assert variable in named


@pytest.mark.parametrize("variable", REQUIRED)
def test_an_empty_value_is_a_missing_one(variable: str) -> None:
    (problem,) = problems_of(COMPLETE | {variable: ""})
    assert problem.startswith(f"{variable} is not set")


def test_everything_that_is_wrong_is_named_at_once() -> None:
    problems = problems_of(COMPLETE | BAD)
    assert sorted(problem.split(":")[0] for problem in problems) == sorted(BAD)


@pytest.mark.parametrize("variable", BAD)
def test_the_wrong_value_is_not_shown(variable: str) -> None:
    (problem,) = problems_of(COMPLETE | {variable: BAD[variable]})
    assert problem.startswith(f"{variable}: ")
    assert CANARY not in problem


@pytest.mark.parametrize(("variable", "value"), WORSE)
def test_a_value_that_looks_almost_right_is_refused(variable: str, value: str) -> None:
    (problem,) = problems_of(COMPLETE | {variable: value})
    assert problem.startswith(f"{variable}: ")


@pytest.mark.parametrize(
    "cloud_id",
    ["name:%%%", f"name:{encoded(CANARY)}", "name:/w==", "näme:ü", f"name:{encoded('eu.example.com')}"],
    ids=range(5),
)
def test_a_broken_cloud_id_is_refused(cloud_id: str) -> None:
    (problem,) = problems_of(without("ELASTICSEARCH_URL") | {"ELASTICSEARCH_CLOUD_ID": cloud_id})
    assert problem.startswith("ELASTICSEARCH_CLOUD_ID: is no Cloud ID")
    assert CANARY not in problem


def test_a_cloud_id_says_where_the_cluster_is() -> None:
    cloud_id = f"logs:{encoded('eu.example.com$abc123$kibana')}"
    found = read(without("ELASTICSEARCH_URL") | {"ELASTICSEARCH_CLOUD_ID": cloud_id})
    assert found.configuration().policy.integrations[0].public_url == "https://abc123.eu.example.com"


def test_a_url_and_a_cloud_id_together_are_refused() -> None:
    (problem,) = problems_of(COMPLETE | {"ELASTICSEARCH_CLOUD_ID": f"logs:{encoded('a$b')}"})
    assert "both are set, keep one" in problem


@pytest.mark.parametrize("scheme", ["postgres", "postgresql", "postgresql+psycopg"])
def test_each_spelling_of_postgresql_is_taken(scheme: str) -> None:
    found = read(COMPLETE | {"DATABASE_URL": f"{scheme}://user:p%40ss@host/db"})
    url = database_url(found.database_url.get_secret_value())
    assert url == make_url("postgresql+psycopg://user:p%40ss@host/db")


def test_dot_env_is_read_and_the_environment_goes_before_it() -> None:
    lines = [f"{name}={value}" for name, value in (COMPLETE | {"INTEGRATION_NAME": "from-file", "PORT": "1"}).items()]
    Path(".env").write_text("\n".join(["# a remark", *lines]), encoding="utf-8")
    found = read({"PORT": "2"})
    assert (found.integration_name, found.port) == ("from-file", 2)


@pytest.mark.parametrize(
    ("typed", "meant"), [("MAX_DURATOIN", "MAX_DURATION"), ("RESOURCE_OWNER", "RESOURCE_OWNER_KEY")]
)
def test_a_misspelt_variable_in_dot_env_is_named_with_what_was_meant(typed: str, meant: str) -> None:
    Path(".env").write_text(f"{typed}={CANARY}\n", encoding="utf-8")
    assert problems_of(COMPLETE) == (f"{typed} in .env: did you mean {meant}?",)


def test_a_variable_of_another_program_is_left_alone() -> None:
    Path(".env").write_text("ELASTIC_PASSWORD=x\nEDITOR=vi\n", encoding="utf-8")
    assert problems_of(COMPLETE | {"MAX_DURATOIN": "1h"}) == ()


@pytest.mark.parametrize(
    ("variable", "value", "words"),
    [
        ("HEALTH_PORT", "none", "must be a whole number"),
        ("HEALTH_PORT", "70000", "must be 65535 or less"),
        ("LOG_LEVEL", "loud", "must be DEBUG, INFO, WARNING or ERROR"),
        ("LOG_FORMAT", "xml", "must be console or ecs"),
        ("SLACK_BOT_TOKEN", "xapp-1234567890", "must be the bot token, it begins with xoxb-"),
    ],
)
def test_what_is_wrong_is_said_in_plain_words(variable: str, value: str, words: str) -> None:
    assert problems_of(COMPLETE | {variable: value}) == (f"{variable}: {words}",)


def test_dot_env_that_is_no_text_is_a_problem_and_no_traceback() -> None:
    Path(".env").write_bytes(b"SLACK_BOT_TOKEN=\xff\xfe\n")
    assert any(".env" in problem for problem in problems_of(COMPLETE))


def test_secrets_are_not_shown_when_the_settings_are() -> None:
    found = read(COMPLETE | {"DATABASE_URL": f"postgres://user:{CANARY}@host/db", "SLACK_BOT_TOKEN": f"xoxb-{CANARY}"})
    assert CANARY not in repr(found)
    assert CANARY not in str(found)


def values() -> st.SearchStrategy[str]:
    """What an environment can hold: any characters but NUL, with those that settings look at more often."""
    plausible = [
        *COMPLETE.values(),
        *BAD.values(),
        *(value for _, value in WORSE),
        "postgres://u:p@h/db",
        "1h",
        "@",
        "é",
    ]
    anything = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=300)
    undecodable = st.binary(max_size=20).map(lambda raw: os.fsdecode(raw.replace(b"\0", b"")))
    shaped = st.from_regex(r"\A(https?|postgres|sqlite)://[a-z\[\]:/@?#%$0-9. é]{0,40}\Z")
    return st.one_of(st.sampled_from(plausible), anything, undecodable, shaped, st.integers().map(str))


@settings(max_examples=300)
@given(
    environment=st.dictionaries(
        st.sampled_from(sorted({*COMPLETE, *BAD, "SLACK_SIGNING_SECRET", "ELASTICSEARCH_CLOUD_ID", "HOST"})), values()
    ),
    complete=st.booleans(),
)
def test_no_environment_ends_in_anything_but_settings_or_their_problems(
    environment: dict[str, str], complete: bool
) -> None:
    whole = (COMPLETE if complete else {}) | environment
    if not problems_of(whole):
        found = read(whole)
        assert found.configuration().policy.integrations
        assert found.secrets()


@pytest.fixture
def secrets_everywhere() -> dict[str, str]:
    """The environment of `bot` with a canary in every variable."""
    return {name: f"{value}\n{CANARY}" for name, value in (COMPLETE | BAD).items()}


@pytest.mark.parametrize("command", ["run", "check"])
def test_the_commands_name_every_problem_without_a_value_or_a_traceback(
    command: str, secrets_everywhere: dict[str, str]
) -> None:
    ended = subprocess.run(
        [sys.executable, "-m", "bot", command], env={"PATH": os.environ["PATH"]} | secrets_everywhere,
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    said = ended.stdout + ended.stderr
    assert ended.returncode == 1
    for variable in BAD:
        assert f"{variable}: " in said
    assert "Traceback" not in said
    assert CANARY not in said
