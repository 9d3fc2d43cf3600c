"""Which settings are unusable, and what to do about each, follows from a problem's kind and never from its words."""

import os
from collections.abc import Callable
from dataclasses import replace
from io import StringIO
from pathlib import Path
from unittest.mock import patch

import pytest

from bot.checks import configuration
from bot.checks.configuration import Setup, check_settings, read_setup
from bot.checks.connections.forward_proxies import check_forward_proxies
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


def said(check: Callable[[Report, Setup], None], environment: dict[str, str]) -> str:
    """The lines of a check."""
    output = StringIO()
    with patch.dict(os.environ, environment, clear=True):
        check(Report(output), read_setup())
    return output.getvalue()


def test_a_kibana_space_without_the_address_of_kibana_is_named(folder: Path) -> None:
    line = "warn  settings: KIBANA_SPACE is not used without KIBANA_URL"
    assert line in said(check_settings, COMPLETE | {"KIBANA_SPACE": "ops"})
    both = {"KIBANA_SPACE": "ops", "KIBANA_URL": "https://kibana.example.com"}
    assert "KIBANA_SPACE" not in said(check_settings, COMPLETE | both)
    assert "KIBANA_SPACE" not in said(check_settings, COMPLETE)
    environment = written(folder, "env:CONNECTOR_PASSWORD") | {"CONNECTOR_PASSWORD": "secret"}
    file = folder / "access.yaml"
    file.write_text(file.read_text().replace("    owner:", "    kibana_space: ops\n    owner:"), encoding="utf-8")
    path = "access.yaml > production > kibana_"
    assert f"{path}space is not used without {path}url" in said(check_settings, environment)


def test_a_variable_that_is_set_and_wrong_is_not_called_missing() -> None:
    with patch.dict(os.environ, COMPLETE | {"ELASTICSEARCH_API_KEY": "a-key"}, clear=True):
        assert read_setup().skip_reason("ELASTICSEARCH_API_KEY") == "needs ELASTICSEARCH_API_KEY, see above"


@pytest.mark.parametrize(
    ("named", "lines"),
    [
        ({"HTTP_PROXY": "http://p:1"}, ["ok    forward proxy: Slack through p:1 (HTTP_PROXY); elasticsearch directly",
         "warn  forward proxy: HTTP_PROXY does not count for https://, so elasticsearch is reached directly"]),
        ({"HTTP_PROXY": "http://p:1", "NO_PROXY": "es.example.com"},
         ["ok    forward proxy: Slack through p:1 (HTTP_PROXY); elasticsearch directly"]),
        ({"HTTP_PROXY": "http://p:1", "HTTPS_PROXY": "http://p:2"},
         ["ok    forward proxy: Slack, elasticsearch through p:2 (HTTPS_PROXY)"]),
        ({}, []),
    ],
)  # fmt: skip
def test_a_proxy_that_does_not_count_for_a_cluster_is_named(named: dict[str, str], lines: list[str]) -> None:
    told = said(check_forward_proxies, COMPLETE | named).splitlines()
    assert [line for line in told if not line.startswith(" ")] == lines
