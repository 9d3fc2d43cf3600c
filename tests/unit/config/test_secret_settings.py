"""Secrets in stores, from variables and from `access.yaml`: read when needed, and named with their problem."""

import os
import subprocess
import sys
from pathlib import Path
from unittest.mock import patch

import pytest
from pydantic import SecretStr

from bot.checks.configuration import read_setup
from bot.checks.report import Report
from bot.checks.stores import check_stores
from bot.config.settings import Settings, SettingsError, load_settings
from bot.observability.logs import Scrubber
from bot.runtime.connector_rotation import check_rotation, read_passwords
from tests.unit.config.access_yaml.test_reader import GOOD
from tests.unit.config.test_settings import COMPLETE, problems_of, read, without

TOKEN, APP_TOKEN, PASSWORD = "xoxb-canary-7f3a", "xapp-canary-7f3a", "password-canary-7f3a"


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Files with each secret in it, and no `.env`."""
    monkeypatch.chdir(tmp_path)
    for name, secret in (("token", TOKEN), ("app", APP_TOKEN), ("es", PASSWORD), ("db", "sqlite:///other.db")):
        (tmp_path / name).write_text(f"{secret}\n", encoding="utf-8")
    return tmp_path


@pytest.fixture
def references(folder: Path) -> dict[str, str]:
    return COMPLETE | {
        "SLACK_BOT_TOKEN": f"file:{folder}/token",
        "SLACK_APP_TOKEN": "env:MY_APP_TOKEN",
        "MY_APP_TOKEN": f"file:{folder}/app",
        "ELASTICSEARCH_PASSWORD": f"file:{folder}/es",
        "DATABASE_URL": f"file:{folder}/db",
    }


@pytest.fixture
def by_file(folder: Path) -> dict[str, str]:
    (folder / "access.yaml").write_text(GOOD.replace("env:ES_PASSWORD", f"file:{folder}/es"), encoding="utf-8")
    return {name: COMPLETE[name] for name in ("SLACK_BOT_TOKEN", "SLACK_APP_TOKEN")} | {"ACCESS_CONFIG": "access.yaml"}


def the_password(settings: Settings) -> str:
    (found,) = read_passwords(settings.configuration(), settings.access_config, Scrubber([])).values()
    return found.current.get_secret_value()


def test_a_variable_may_name_the_store_of_its_secret(references: dict[str, str]) -> None:
    with patch.dict(os.environ, references, clear=True):
        found = load_settings()
        assert the_password(found) == PASSWORD
    assert found.slack_bot_token.get_secret_value() == TOKEN
    assert found.slack_app_token == SecretStr(APP_TOKEN)
    assert found.database_url.get_secret_value() == "sqlite:///other.db"


def test_dot_env_may_do_so_too(references: dict[str, str]) -> None:
    Path(".env").write_text("\n".join(f"{name}={value}" for name, value in references.items()), encoding="utf-8")
    assert read({}).slack_bot_token.get_secret_value() == TOKEN


@pytest.mark.parametrize("variable", ["SLACK_BOT_TOKEN", "SLACK_APP_TOKEN", "SLACK_SIGNING_SECRET", "DATABASE_URL"])
def test_a_store_that_cannot_be_read_is_a_problem_of_its_variable(references: dict[str, str], variable: str) -> None:
    (problem,) = problems_of(references | {variable: "file:/no/such/file"})
    assert problem == f"{variable}: the file /no/such/file cannot be read: No such file or directory"


@pytest.mark.parametrize("variable", ["SLACK_BOT_TOKEN", "ELASTICSEARCH_PASSWORD", "DATABASE_URL"])
def test_a_wrong_reference_is_a_problem_of_its_variable(references: dict[str, str], variable: str) -> None:
    (problem,) = problems_of(references | {variable: "vault://canary-7f3a"})
    assert problem == f"{variable}: must be like vault://HOST:PORT/MOUNT/PATH#KEY"


def test_what_a_store_holds_is_checked_as_if_it_stood_in_the_variable(references: dict[str, str]) -> None:
    (problem,) = problems_of(references | {"SLACK_BOT_TOKEN": references["MY_APP_TOKEN"]})
    assert problem == "SLACK_BOT_TOKEN: must be the bot token, it begins with xoxb-"


def test_a_missing_variable_is_named_as_before() -> None:
    (problem,) = problems_of(without("SLACK_BOT_TOKEN"))
    assert problem.startswith("SLACK_BOT_TOKEN is not set")


def test_the_file_names_the_store_of_a_password(by_file: dict[str, str]) -> None:
    with patch.dict(os.environ, by_file, clear=True):
        assert the_password(load_settings()) == PASSWORD


def test_the_file_may_name_a_variable_that_names_the_store(by_file: dict[str, str], folder: Path) -> None:
    (folder / "access.yaml").write_text(GOOD, encoding="utf-8")
    with patch.dict(os.environ, by_file | {"ES_PASSWORD": f"file:{folder}/es"}, clear=True):
        assert the_password(load_settings()) == PASSWORD


def test_a_password_is_not_read_before_it_is_needed_and_reading_the_policy_again_does_not_need_it(
    by_file: dict[str, str], folder: Path
) -> None:
    with patch.dict(os.environ, by_file, clear=True):
        settings = load_settings()
        before = settings.configuration()
        (folder / "es").write_text("rotated-meanwhile", encoding="utf-8")
        assert settings.configuration().connections == before.connections, "a rotation is no change of the connection"
        (folder / "es").unlink()
        assert settings.configuration() == before
        with pytest.raises(SettingsError) as refused:
            read_passwords(before, settings.access_config, Scrubber([]))
    (problem,) = refused.value.sentences
    assert problem.startswith("access.yaml > production > password: the file ")
    assert problem.endswith("cannot be read: No such file or directory")


def test_secrets_in_stores_are_never_printed_and_their_addresses_are(references: dict[str, str], folder: Path) -> None:
    with patch.dict(os.environ, references, clear=True):
        settings = load_settings()
        scrub = Scrubber(settings.secrets())
        passwords = read_passwords(settings.configuration(), None, scrub)
        passwords["elasticsearch"].use(SecretStr("new-canary-8e4b"))
        said = scrub(None, "", {"event": f"{TOKEN} {APP_TOKEN} new-canary-8e4b file:{folder}/es"})["event"]
    assert said == f"[secret] [secret] [secret] file:{folder}/es"


def rotation_problems(environment: dict[str, str]) -> tuple[str, ...]:
    with patch.dict(os.environ, environment, clear=True):
        try:
            check_rotation(load_settings().configuration())
        except SettingsError as error:
            return error.sentences
    return ()


def test_rotation_needs_a_store_that_can_be_written(references: dict[str, str], by_file: dict[str, str]) -> None:
    assert rotation_problems(references | {"CREDENTIAL_ROTATION_DAYS": "30"}) == ()
    assert rotation_problems(by_file) == ()  # it has credential_rotation_days
    assert rotation_problems(COMPLETE | {"CREDENTIAL_ROTATION_DAYS": "30"}) == (
        "credential_rotation_days of elasticsearch: the password cannot be rotated: "
        "the variable ELASTICSEARCH_PASSWORD cannot be written. Keep the password in a file or another secret store, "
        "or change it by hand: in the cluster, then there, and start es-access again",
    )
    assert rotation_problems(COMPLETE) == ()
    (problem,) = rotation_problems(
        references | {"CREDENTIAL_ROTATION_DAYS": "30", "ELASTICSEARCH_PASSWORD": "file:/proc/version"}
    )
    assert "the file /proc/version cannot be written" in problem


def checked(environment: dict[str, str], capsys: pytest.CaptureFixture[str]) -> list[str]:
    with patch.dict(os.environ, environment, clear=True):
        check_stores(Report(), read_setup())
    return capsys.readouterr().out.splitlines()


def test_check_has_a_line_for_each_store(
    references: dict[str, str], folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert checked(COMPLETE, capsys) == []
    assert checked(references, capsys) == [
        f"ok    secret store: SLACK_BOT_TOKEN is read from the file {folder}/token",
        f"ok    secret store: SLACK_APP_TOKEN is read from the file {folder}/app",
        f"ok    secret store: DATABASE_URL is read from the file {folder}/db",
        f"ok    secret store: ELASTICSEARCH_PASSWORD is read from the file {folder}/es",
    ]
    (*_, last) = checked(references | {"CREDENTIAL_ROTATION_DAYS": "30"}, capsys)
    assert last.endswith(f"ELASTICSEARCH_PASSWORD is read from the file {folder}/es, which can be written")
    (fail, fix) = checked(COMPLETE | {"CREDENTIAL_ROTATION_DAYS": "30"}, capsys)
    assert fail.startswith("FAIL  secret store: ELASTICSEARCH_PASSWORD cannot be rotated: the variable")
    assert fix.strip().startswith("Let this account write there")
    (folder / "token").unlink()
    (folder / "es").unlink()
    lines = checked(references, capsys)
    assert not any("SLACK_BOT_TOKEN" in line for line in lines), "it is a problem of the settings"
    assert any("FAIL  secret store: ELASTICSEARCH_PASSWORD: the file" in line for line in lines)


def test_no_client_library_is_loaded_before_it_is_used(references: dict[str, str]) -> None:
    code = """
import sys
from bot.config.settings import load_settings
from bot import bootstrap
load_settings().configuration()
print([name for name in ("boto3", "botocore", "hvac", "azure.core", "google.auth", "grpc") if name in sys.modules])
"""
    environment = references | {"PATH": os.environ["PATH"]}
    environment["ELASTICSEARCH_PASSWORD"] = "vault://localhost:8200/secret/es#password"
    ended = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True, timeout=60
    )
    assert ended.stdout.strip() == "[]"
