"""`bot connect` on a real node: an account that works, and a password in its place and nowhere else."""

import re
from pathlib import Path

import pytest
from dotenv import dotenv_values
from typer.testing import CliRunner

from bot.cli.main import app
from bot.cluster.connector.privileges import read_privileges
from bot.sandbox.node import Node

NAME = "es-access-new"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, node: Node) -> Path:
    """A folder with the first settings, as `bot init` writes them, and the address of the node."""
    monkeypatch.chdir(tmp_path)
    node.connector()  # a cluster that has users already
    node.client().options(ignore_status=404).security.delete_user(username=NAME)
    assert bot("init")[0] == 0
    settings = (tmp_path / ".env").read_text()
    settings = re.sub("^ELASTICSEARCH_URL=.*$", f"ELASTICSEARCH_URL={node.url}", settings, flags=re.MULTILINE)
    settings = re.sub("^ELASTICSEARCH_USERNAME=.*$", f"ELASTICSEARCH_USERNAME={NAME}", settings, flags=re.MULTILINE)
    (tmp_path / ".env").write_text(settings)
    return tmp_path


def bot(*arguments: str, typed: str = "") -> tuple[int, str]:
    answer = CliRunner().invoke(app, arguments, input=typed)
    return answer.exit_code, answer.output


def connect(node: Node, *arguments: str, more: str = "") -> tuple[int, str]:
    """Runs `bot connect` as the node's administrator; `more` is typed after the password."""
    name, password = node.admin
    return bot("connect", "--administrator", name, *arguments, typed=f"{password}\n{more}")


def signs_in(node: Node, password: str | None) -> bool:
    """Whether the account signs in with it, and has exactly its role."""
    assert password is not None
    client = node.client_of(NAME, password)
    try:
        privileges = read_privileges(client)
        return not privileges.missing and not privileges.too_much
    finally:
        client.close()


def test_an_account_is_made_that_signs_in_and_its_password_is_in_the_file_alone(node: Node, folder: Path) -> None:
    code, said = connect(node)
    kept = dotenv_values(folder / ".env")["ELASTICSEARCH_PASSWORD"]
    assert code == 0, said
    assert signs_in(node, kept)
    assert kept is not None
    assert kept not in said
    assert node.admin[1] not in said + (folder / ".env").read_text()
    assert (folder / ".env").stat().st_mode & 0o077 == 0
    assert "kept in ELASTICSEARCH_PASSWORD in .env" in said
    lines = (folder / ".env").read_text().splitlines()
    assert len([each for each in lines if "ELASTICSEARCH_PASSWORD=" in each]) == 1


def test_an_account_that_exists_keeps_its_password_unless_one_says_yes(node: Node, folder: Path) -> None:
    connect(node)
    before = (folder / ".env").read_text()
    assert connect(node, more="n\n")[0] == 1
    assert (folder / ".env").read_text() == before
    assert connect(node, more="y\n")[0] == 0
    after = dotenv_values(folder / ".env")["ELASTICSEARCH_PASSWORD"]
    assert str(after) not in before
    assert signs_in(node, after)


@pytest.mark.parametrize("there", [False, True])
def test_a_secret_file_is_written_where_the_settings_name_one(node: Node, folder: Path, there: bool) -> None:
    secret = folder / "secret"
    if there:
        secret.write_text("the one before")
    settings = (
        (folder / ".env").read_text().replace("ELASTICSEARCH_PASSWORD=\n", f"ELASTICSEARCH_PASSWORD=file:{secret}\n")
    )
    (folder / ".env").write_text(settings)
    code, said = connect(node, more="y\n")
    assert code == 0, said
    assert signs_in(node, secret.read_text())
    assert (folder / ".env").read_text() == settings


def test_one_cluster_of_a_policy_is_named_and_its_variable_filled_in(node: Node, folder: Path) -> None:
    (folder / ".env").unlink()
    assert bot("init", "--policy", "many-teams")[0] == 0
    policy = (folder / "access.yaml").read_text()
    urls = re.findall(r"^    url: (\S+)$", policy, re.MULTILINE)
    (folder / "access.yaml").write_text(policy.replace(urls[0], node.url).replace("es-access-connector", NAME))
    code, said = connect(node, more="y\n")
    assert code == 1
    assert "say which cluster, with --cluster: production, staging" in said
    code, said = connect(node, "--cluster", "production", more="y\n")
    assert code == 0, said
    assert signs_in(node, dotenv_values(folder / ".env")["PRODUCTION_PASSWORD"])


@pytest.mark.parametrize(
    ("variables", "sentence"),
    [
        ({"ELASTICSEARCH_PASSWORD": "from-outside"}, "ELASTICSEARCH_PASSWORD is set in the environment"),
        ({"ELASTICSEARCH_API_KEY": "a-key"}, "sign in with an API key"),
        ({"ELASTICSEARCH_URL": "localhost"}, "ELASTICSEARCH_URL"),
        ({"ELASTICSEARCH_URL": "http://127.0.0.1:9"}, "not ready"),
        ({"ACCESS_CONFIG": "missing.yaml"}, "missing.yaml cannot be read"),
    ],
    ids=lambda value: value if isinstance(value, str) else next(iter(value)),
)
def test_what_cannot_be_done_is_said_and_changes_nothing(
    node: Node, folder: Path, monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], sentence: str
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    before = (folder / ".env").read_text()
    code, said = connect(node)
    assert code == 1
    assert sentence in said
    assert "Traceback" not in said
    assert (folder / ".env").read_text() == before


def test_a_wrong_password_of_the_administrator_changes_nothing(node: Node, folder: Path) -> None:
    before = (folder / ".env").read_text()
    code, said = bot("connect", "--administrator", node.admin[0], typed="wrong\n")
    assert code == 1
    assert "not ready" in said
    assert (folder / ".env").read_text() == before


def test_without_a_file_of_settings_it_says_how_to_get_one(
    node: Node, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / ".env").unlink()
    monkeypatch.setenv("ELASTICSEARCH_URL", node.url)
    code, said = connect(node)
    assert code == 1
    assert "bot init writes it" in said
    assert "Password of" not in said
