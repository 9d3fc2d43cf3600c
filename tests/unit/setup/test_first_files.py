"""The first files of an installation: complete, private, accepted as they stand, and never written over others."""

import re
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

from bot.cli.main import app
from bot.config import access_yaml
from bot.config.variable_names import superseded
from bot.sandbox.workspace.manifest import Manifest
from bot.setup.first_files import first_settings
from bot.setup.texts import POLICIES, path_of

PASSWORDS = {"ELASTICSEARCH_PASSWORD": "a", "PRODUCTION_PASSWORD": "b", "STAGING_PASSWORD": "c"}


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def bot(*arguments: str) -> tuple[int, str]:
    answer = CliRunner().invoke(app, arguments)
    return answer.exit_code, answer.output


def test_the_settings_are_the_example_and_for_their_user_alone(here: Path) -> None:
    code, said = bot("init")
    assert code == 0
    assert "bot manifest" in said
    assert (here / ".env").read_text() == path_of(".env.example").read_text()
    assert (here / ".env").stat().st_mode & 0o077 == 0
    assert not (here / "access.yaml").exists()


@pytest.mark.parametrize("name", POLICIES)
def test_each_policy_is_accepted_as_it_stands_and_the_settings_lead_to_it(here: Path, name: str) -> None:
    assert bot("init", "--policy", name)[0] == 0
    assert access_yaml.read(here / "access.yaml", PASSWORDS).policy.access_flows
    active = dict(re.findall(r"^([A-Z_]+)=(.*)$", (here / ".env").read_text(), re.MULTILINE))
    assert active["ACCESS_CONFIG"] == "access.yaml"
    assert list(superseded(active)) == []
    assert {"SLACK_BOT_TOKEN", "ELASTICSEARCH_PASSWORD"} <= active.keys()


def test_every_setting_of_the_example_is_in_the_file_with_a_policy() -> None:
    names = re.compile(r"^#?([A-Z_]+)=", re.MULTILINE)
    assert names.findall(first_settings(with_policy=True)) == names.findall(first_settings(with_policy=False))


@pytest.mark.parametrize("present", [".env", "access.yaml"])
def test_nothing_is_written_over_a_file_that_is_there(here: Path, present: str) -> None:
    (here / present).write_text("mine")
    code, said = bot("init", "--policy", "on-call")
    assert code == 1
    assert f"{present} is there already" in said
    assert [each.name for each in here.iterdir()] == [present]
    assert (here / present).read_text() == "mine"


def test_a_policy_that_does_not_exist_is_refused_with_those_that_do(here: Path) -> None:
    code, said = bot("init", "--policy", "two-teams")
    assert code == 2
    assert all(name in said for name in POLICIES)
    assert list(here.iterdir()) == []


def test_the_manifest_for_socket_mode_is_the_file() -> None:
    assert bot("manifest") == (0, path_of("manifest.yml").read_text())


@pytest.mark.parametrize(
    "address", ["https://access.example.com", "https://access.example.com/", "https://access.example.com/slack/events"]
)
def test_the_manifest_for_http_has_the_address_everywhere_and_is_accepted(here: Path, address: str) -> None:
    code, text = bot("manifest", "--http", address)
    assert code == 0
    file = here / "manifest.yml"
    file.write_text(text)
    assert not Manifest.load(file).socket_mode
    urls = re.findall(r"\S*url: (\S+)", text)
    assert urls == ["https://access.example.com/slack/events"] * 4
    same = yaml.safe_load(path_of("manifest.yml").read_text())["oauth_config"]
    assert yaml.safe_load(text)["oauth_config"] == same


@pytest.mark.parametrize("address", ["http://access.example.com", "access.example.com", "https://", "https://a/?x=1"])
def test_an_address_that_slack_cannot_post_to_is_refused(address: str) -> None:
    code, said = bot("manifest", "--http", address)
    assert code == 2
    assert "Example: bot manifest --http https://" in said
