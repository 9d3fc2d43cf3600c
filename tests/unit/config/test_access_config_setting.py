"""`ACCESS_CONFIG`: the policy from the file or from the variables, and never from both."""

import os
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from unittest.mock import patch

import pytest

from bot.config.configuration import Upkeep
from bot.config.settings import Settings, SettingsError, load_settings
from tests.unit.config.access_yaml.test_reader import GOOD, PASSWORD

SLACK = {"SLACK_BOT_TOKEN": "xoxb-1234567890", "SLACK_APP_TOKEN": "xapp-1234567890"}

BY_VARIABLES = SLACK | {
    "ELASTICSEARCH_URL": "https://es.example.com:9200",
    "ELASTICSEARCH_USERNAME": "es-access-connector",
    "ELASTICSEARCH_PASSWORD": "secret",
    "INTEGRATION_OWNER": "alice@example.com,@owners",
}

MOVED = {
    "ELASTICSEARCH_URL": "https://es.example.com:9200", "ELASTICSEARCH_CLOUD_ID": "x:YSRi",
    "ELASTICSEARCH_USERNAME": "c", "ELASTICSEARCH_CA_CERTS": "ca.pem", "ELASTICSEARCH_PUBLIC_URL": "https://es",
    "INTEGRATION_NAME": "es", "INTEGRATION_OWNER": "@owners", "RESOURCE_OWNER_KEY": "owner",
    "CUSTOM_ACCESS_DETAILS": "hello", "CREDENTIAL_ROTATION_DAYS": "1", "USER_CLEANUP_DAYS": "1", "MAX_DURATION": "1h",
    "PENDING_DURATION": "1h",
}  # fmt: skip


@pytest.fixture(autouse=True)
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A good `access.yaml` in an empty folder."""
    monkeypatch.chdir(tmp_path)
    file = tmp_path / "access.yaml"
    file.write_text(GOOD, encoding="utf-8")
    return file


@pytest.fixture
def by_file(config: Path) -> dict[str, str]:
    return SLACK | {"ACCESS_CONFIG": str(config), "ES_PASSWORD": PASSWORD}


def read(environment: Mapping[str, str]) -> Settings:
    with patch.dict(os.environ, environment, clear=True):
        return load_settings()


def problems_of(environment: Mapping[str, str]) -> tuple[str, ...]:
    try:
        read(environment)
    except SettingsError as error:
        return error.sentences
    return ()


def test_the_file_says_everything(by_file: dict[str, str]) -> None:
    with patch.dict(os.environ, by_file, clear=True):
        settings = load_settings()
        found = settings.configuration()
        secrets = [each.get_secret_value() for each in settings.secrets()]
    assert found.connections["production"].password.get_secret_value() == PASSWORD
    assert found.policy.access_flows[0].name == "everyone"
    assert {*SLACK.values(), PASSWORD} <= set(secrets)


def test_a_password_may_stand_in_dot_env_and_the_environment_goes_before_it(by_file: dict[str, str]) -> None:
    Path(".env").write_text("ES_PASSWORD=from-file\n", encoding="utf-8")
    for variables, expected in ((by_file, PASSWORD), (by_file | {"ES_PASSWORD": ""}, "from-file")):
        with patch.dict(os.environ, variables, clear=True):
            found = load_settings().configuration().connections["production"]
        assert found.password.get_secret_value() == expected


@pytest.mark.parametrize("variable", MOVED)
@pytest.mark.parametrize("value", ["good", "wrong"])
def test_a_variable_that_is_in_the_file_must_not_be_set(by_file: dict[str, str], variable: str, value: str) -> None:
    set_to = MOVED[variable] if value == "good" else "{wrong}"
    assert problems_of(by_file | {variable: set_to}) == (f"{variable}: is in access.yaml now, remove it",)


def test_the_file_may_name_the_password_variable_of_before(config: Path, by_file: dict[str, str]) -> None:
    config.write_text(GOOD.replace("env:ES_PASSWORD", "env:ELASTICSEARCH_PASSWORD"), encoding="utf-8")
    assert problems_of(by_file | {"ELASTICSEARCH_PASSWORD": "secret"}) == ()


def test_problems_of_variables_and_of_the_file_are_told_together(config: Path, by_file: dict[str, str]) -> None:
    config.write_text(GOOD.replace("max_duration: 8h", "max_duration: soon"), encoding="utf-8")
    problems = problems_of(by_file | {"SLACK_BOT_TOKEN": "", "PORT": "x", "MAX_DURATION": "1h", "ES_PASSWORD": ""})
    assert [each.partition(": ")[0] for each in problems] == [
        "SLACK_BOT_TOKEN is not set",
        "PORT",
        "MAX_DURATION",
        "access.yaml:5",
        "access.yaml:18",
    ]


def test_a_file_that_is_not_there_is_a_problem_of_its_variable(by_file: dict[str, str]) -> None:
    for path in ("nowhere.yaml", "x" * 5000, "."):
        assert problems_of(by_file | {"ACCESS_CONFIG": path}) == ("ACCESS_CONFIG: names no file",)


def test_the_file_is_read_anew_when_it_is_asked_for_again(config: Path, by_file: dict[str, str]) -> None:
    with patch.dict(os.environ, by_file, clear=True):
        settings = load_settings()
        config.write_text(GOOD.replace("name: everyone", "name: nobody"), encoding="utf-8")
        assert settings.configuration().policy.access_flows[0].name == "nobody"
        config.write_text(GOOD + "more: 1\n", encoding="utf-8")
        with pytest.raises(SettingsError) as refused:
            settings.configuration()
    assert refused.value.sentences == ("access.yaml:21: unknown key more",)


def test_variables_make_one_flow_for_everyone_that_asks_the_integration_owner() -> None:
    found = read(BY_VARIABLES | {"MAX_DURATION": "2d", "PENDING_DURATION": "1h"}).configuration()
    (flow,) = found.policy.access_flows
    assert (flow.name, flow.requesters, flow.patterns, flow.offers) == (
        "default", "everyone", ("*",), ("read", "write", "manage"),
    )  # fmt: skip
    assert (flow.owners, flow.max_duration) == ("integration", timedelta(days=2))
    assert found.policy.pending_for == timedelta(hours=1)
    (integration,) = found.policy.integrations
    assert (integration.name, integration.owner) == ("elasticsearch", ("alice@example.com", "@owners"))
    assert found.connections["elasticsearch"].username == "es-access-connector"


def test_with_a_resource_owner_key_the_owners_are_those_in_the_cluster() -> None:
    variables = {"RESOURCE_OWNER_KEY": "owner", "CREDENTIAL_ROTATION_DAYS": "30", "USER_CLEANUP_DAYS": "7"}
    found = read(BY_VARIABLES | variables).configuration()
    assert found.policy.access_flows[0].owners == "resource"
    assert found.policy.integrations[0].resource_owner == "owner"
    assert found.upkeep == {"elasticsearch": Upkeep(30, 7)}


def test_a_resource_owner_key_without_an_integration_owner_is_refused() -> None:
    (problem,) = problems_of(BY_VARIABLES | {"RESOURCE_OWNER_KEY": "owner", "INTEGRATION_OWNER": ""})
    assert problem.startswith("INTEGRATION_OWNER is not set")


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("RESOURCE_OWNER_KEY", "own\ner"),
        ("RESOURCE_OWNER_KEY", "o" * 101),
        ("CREDENTIAL_ROTATION_DAYS", "0"),
        ("CREDENTIAL_ROTATION_DAYS", "monthly"),
        ("USER_CLEANUP_DAYS", "-1"),
        ("USER_CLEANUP_DAYS", "4000"),
        ("CUSTOM_ACCESS_DETAILS", "{password}"),
    ],
)
def test_a_wrong_value_is_named_and_not_shown(variable: str, value: str) -> None:
    (problem,) = problems_of(BY_VARIABLES | {variable: value})
    assert problem.startswith(f"{variable}: ")
    assert value not in problem.partition(": ")[2]
