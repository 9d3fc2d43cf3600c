"""Which settings are unusable, and what to do about each, follows from a problem's kind and never from its words."""

import os
from dataclasses import replace
from io import StringIO
from pathlib import Path
from unittest.mock import patch

import pytest

from bot.checks import configuration
from bot.checks.configuration import check_settings, read_setup
from bot.checks.policy import check_policy
from bot.checks.report import Report
from bot.checks.stores import check_stores
from bot.config.settings import Settings, SettingsError, load_settings

COMPLETE = {
    "SLACK_BOT_TOKEN": "xoxb-1234567890",
    "SLACK_APP_TOKEN": "xapp-1234567890",
    "ELASTICSEARCH_URL": "https://es.example.com:9200",
    "ELASTICSEARCH_USERNAME": "es-access-connector",
    "ELASTICSEARCH_PASSWORD": "secret-secret",
    "INTEGRATION_OWNER": "alice@example.com",
}

POLICY = """\
integrations:
  - name: production
    url: https://es.example.com:9200
    username: es-access-connector
    password: {password}
    owner: ["@data"]
access_flows:
  - name: default
"""

IN_ENVIRONMENT = "Set it in the environment, or in .env, which is not in this folder yet: bot init writes it"
IN_FILE = "Correct it in access.yaml. Editors do so with what `bot schema` prints."


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """No `.env` and no `access.yaml` but the test's own."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture(params=["as worded", "reworded"])
def words(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Everything has to come out the same when each problem is told in other words."""

    def reworded() -> Settings:
        try:
            return load_settings()
        except SettingsError as error:
            raise SettingsError(replace(each, text="Something else.") for each in error.problems) from None

    if request.param == "reworded":
        monkeypatch.setattr(configuration, "load_settings", reworded)
    return str(request.param)


def checked(environment: dict[str, str]) -> tuple[set[str], list[str]]:
    """The unusable variables, and the lines about what to do."""
    output = StringIO()
    with patch.dict(os.environ, environment, clear=True):
        setup = read_setup()
        check_settings(Report(output), setup)
        check_stores(Report(output), setup)
    lines = output.getvalue().splitlines()
    return set(setup.unusable), [line.strip() for line in lines if line.startswith(" ")]


def written(folder: Path, password: str) -> dict[str, str]:
    """An environment with an `access.yaml` with that password."""
    (folder / "access.yaml").write_text(POLICY.format(password=password), encoding="utf-8")
    slack = {name: value for name, value in COMPLETE.items() if name.startswith("SLACK_")}
    return slack | {"ACCESS_CONFIG": "access.yaml"}


@pytest.mark.usefixtures("words")
@pytest.mark.parametrize(
    ("without", "more", "unusable"),
    [
        ("ELASTICSEARCH_PASSWORD", {}, {"ELASTICSEARCH_PASSWORD"}),
        ("ELASTICSEARCH_URL", {}, {"ELASTICSEARCH_URL", "ELASTICSEARCH_CLOUD_ID"}),
        ("SLACK_APP_TOKEN", {}, {"SLACK_APP_TOKEN", "SLACK_SIGNING_SECRET"}),
        ("SLACK_BOT_TOKEN", {"SLACK_BOT_TOKEN": "file:/nowhere/token"}, {"SLACK_BOT_TOKEN"}),
        ("ELASTICSEARCH_PASSWORD", {"ELASTICSEARCH_PASSWORD": "vault://nowhere"}, {"ELASTICSEARCH_PASSWORD"}),
        ("", {"PORT": "none"}, {"PORT"}),
        ("", {"AUDIT_INDEX": "audit", "AUDIT_API_KEY": "key"}, {"AUDIT_URL"}),
        (
            "",
            {"AUDIT_INDEX": "audit", "AUDIT_URL": "https://es.example.com"},
            {"AUDIT_USERNAME", "AUDIT_PASSWORD", "AUDIT_API_KEY"},
        ),
    ],
)
def test_a_missing_or_wrong_variable_is_unusable(without: str, more: dict[str, str], unusable: set[str]) -> None:
    environment = {name: value for name, value in COMPLETE.items() if name != without} | more
    assert checked(environment) == (unusable, [IN_ENVIRONMENT])


@pytest.mark.usefixtures("words")
def test_a_variable_that_access_yaml_replaces_is_taken_out(folder: Path) -> None:
    environment = written(folder, "env:CONNECTOR_PASSWORD") | {"CONNECTOR_PASSWORD": "secret", "MAX_DURATION": "1h"}
    assert checked(environment) == ({"MAX_DURATION"}, ["Take it out of .env, or out of the environment."])


@pytest.mark.usefixtures("words")
def test_a_misspelt_name_is_corrected_where_it_is(folder: Path) -> None:
    (folder / ".env").write_text("INTEGRATION_OWNR=alice@example.com\n", encoding="utf-8")
    environment = {name: value for name, value in COMPLETE.items() if name != "INTEGRATION_OWNER"}
    unusable, to_do = checked(environment)
    assert unusable == {"INTEGRATION_OWNER"}
    assert "Correct the name in .env. .env.example has each one." in to_do


@pytest.mark.usefixtures("words")
@pytest.mark.parametrize(
    ("password", "to_do"),
    [
        ("env:CONNECTOR_PASSWORD", [IN_ENVIRONMENT]),
        ("vault://nowhere", [IN_FILE]),
        # The message advises an environment variable, but the line to correct is in the file.
        ("a-password-in-the-file", [IN_FILE]),
    ],
)
def test_a_problem_of_the_file_is_corrected_in_the_file_unless_a_variable_is_wrong(
    folder: Path, password: str, to_do: list[str]
) -> None:
    assert checked(written(folder, password)) == (set(), to_do)


@pytest.mark.usefixtures("words")
def test_without_a_readable_env_file_no_setting_is_known(folder: Path) -> None:
    (folder / ".env").write_bytes(b"\xff\xfe\x00")
    unusable, _ = checked(COMPLETE)
    assert unusable == {name.upper() for name in Settings.model_fields}


def test_advice_names_the_setting_that_is_in_use(folder: Path) -> None:
    with patch.dict(os.environ, COMPLETE | {"RESOURCE_OWNER_KEY": "owner"}, clear=True):
        output = StringIO()
        check_policy(Report(output), read_setup(), {})
    assert "With RESOURCE_OWNERS_FROM=template, owners stand where" in output.getvalue()
    environment = written(folder, "env:ELASTICSEARCH_PASSWORD")
    with patch.dict(os.environ, environment, clear=True):
        assert read_setup().owners_from_template == "owners_from: template"
