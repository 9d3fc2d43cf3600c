"""`bot check` as a newcomer runs it: each test makes one error, which is named with its fix below."""

import re
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from pydantic import SecretStr

from bot.cluster.client import ClusterConnection, connect
from bot.sandbox.node import Node
from bot.storage.engine import database_url
from bot.storage.migrate import HEAD, migrate
from tests.databases import sqlite_engine
from tests.scenario.newcomer import Checked, Newcomer, arrived, silent


@pytest.fixture
def newcomer(node: Node, tmp_path: Path) -> Iterator[Newcomer]:
    """In Socket Mode."""
    with arrived(node, tmp_path) as ready:
        yield ready


@pytest.fixture
def http_newcomer(node: Node, tmp_path: Path) -> Iterator[Newcomer]:
    """In HTTP mode."""
    with arrived(node, tmp_path, http=True) as ready:
        yield ready


def test_all_is_well(newcomer: Newcomer, node: Node) -> None:
    found = newcomer.check(CUSTOM_ACCESS_DETAILS="Ask #data first.\nVPN: on <b>")
    assert found.code == 0, found.text
    assert found.text.splitlines() == [
        "ok    settings: all that are needed are set, Slack is heard over Socket Mode",
        f"ok    database: SQLite, {newcomer.folder}/es-access.db is new, is created at start",
        "ok    Slack: signed in to Sandbox as @es-access",
        "ok    Slack scopes: commands, chat:write, users:read, users:read.email, usergroups:read",
        "ok    Socket Mode: the app token is taken",
        "ok    owner bob@example.com: 1 person",
        "ok    owner @data-owners: 1 person",
        "ok    owners: 2 people may approve",
        f"ok    direct messages: one to {newcomer.stage.bob.id} was taken, and is deleted again",
        "ok    flow “default”: everyone may ask for read, write, manage on *, up to 7d,"
        " approved by an integration owner",
        f"ok    cluster: Elasticsearch {node.version} answers at {node.url}",
        "ok    connector account: es-access-connector has what it needs (monitor, manage_security, index monitor)",
        "ok    credentials: a new user signs in and has what it was given; it was deleted again",
        "ok    clocks: this machine and the cluster agree",
        "ok    access details: this stands in the message with each credential",
        f"      | URL: {node.url}",
        "      | Ask #data first.",
        "      | VPN: on <b>",
        "All well.",
    ]
    assert list(newcomer.folder.glob("es-access.db*")) == [], "a check leaves no database behind"


def test_all_is_well_over_http_and_the_signing_secret_cannot_be_proved(http_newcomer: Newcomer) -> None:
    found = http_newcomer.check()
    assert (found.code, found.text.splitlines()[-1]) == (0, "All well.")
    assert found.line("ok    signing secret") == (
        "ok    signing secret: looks right; only a request from Slack can prove it"
    )


def test_a_signing_secret_of_the_wrong_shape_is_named(http_newcomer: Newcomer) -> None:
    fix = http_newcomer.check(SLACK_SIGNING_SECRET="xoxb-not-a-signing-secret").fails_with("signing secret")
    assert "Basic Information > App Credentials > Signing Secret" in fix


def test_wrong_settings_do_not_hide_what_else_is_wrong(newcomer: Newcomer) -> None:
    newcomer.stage.workspace.revoke_scope("chat:write")
    found = newcomer.check(ELASTICSEARCH_PASSWORD=None, PORT="none", INTEGRATION_OWNER=None)
    assert found.code == 1
    assert found.text.splitlines()[-1] == "4 problems."
    assert "bot init writes it" in found.fix("FAIL  settings: ELASTICSEARCH_PASSWORD is not set")
    assert found.line("FAIL  settings: PORT: ")
    assert found.line("ok    Slack: signed in")
    assert found.line("FAIL  Slack scopes: chat:write is missing")
    assert found.line("skip  owners") == "skip  owners: needs INTEGRATION_OWNER, see above"
    assert found.line("skip  cluster") == "skip  cluster: needs ELASTICSEARCH_PASSWORD, see above"
    assert found.line("ok    access details")


def test_nothing_set_at_all_is_a_list_of_what_to_set(newcomer: Newcomer) -> None:
    found = newcomer.check(**dict.fromkeys(newcomer.stage.app.environment))
    assert found.code == 1
    assert found.text.count("FAIL  settings: ") == 6
    for skipped in ("Slack", "Slack events", "owners", "access flows", "cluster", "access details"):
        assert found.line(f"skip  {skipped}: needs ")
    assert (
        found.line("skip  Slack events")
        == "skip  Slack events: needs SLACK_APP_TOKEN or SLACK_SIGNING_SECRET, see above"
    )


# --- the database ---


def test_a_folder_that_is_not_there_is_named(newcomer: Newcomer) -> None:
    fix = newcomer.check(DATABASE_URL=f"sqlite:///{newcomer.folder}/none/a.db").fails_with("database: there is no fol")
    assert fix.startswith(f"mkdir -p '{newcomer.folder}/none'")


def test_a_file_that_is_no_database_is_named(newcomer: Newcomer) -> None:
    (newcomer.folder / "a.db").write_text("this is a text " * 100, encoding="ascii")
    found = newcomer.check(DATABASE_URL=f"sqlite:///{newcomer.folder}/a.db")
    assert "DATABASE_URL" in found.fails_with("database: SQLite cannot use")


def test_a_database_in_use_by_the_application_is_fine(newcomer: Newcomer) -> None:
    newcomer.stage.app.start()
    line = newcomer.check().line("ok    database")
    assert line.endswith("opens and is writable, in use by a running es-access; tables are up to date")
    # The application is undisturbed, and still works.
    newcomer.stage.granted()


def test_a_database_of_another_version_is_named_and_left_as_it_is(newcomer: Newcomer) -> None:
    engine = sqlite_engine(newcomer.folder)
    migrate(engine)
    engine.dispose()
    file = newcomer.folder / "access.db"

    def check(version: str) -> Checked:
        with sqlite3.connect(file) as connection:
            connection.execute("UPDATE alembic_version SET version_num = ?", (version,))
        connection.close()
        return newcomer.check(DATABASE_URL=f"sqlite:///{file}")

    assert "tables are up to date" in check(HEAD).line("ok    database")
    assert "is migrated at start, from schema 0000" in check("0000").line("ok    database")
    assert "Install the version of es-access that made it" in check("9999").fails_with("database")
    with sqlite3.connect(file) as connection:
        assert connection.execute("SELECT version_num FROM alembic_version").fetchall() == [("9999",)]
    connection.close()


def test_postgresql_opens_and_a_wrong_password_is_not_shown(newcomer: Newcomer, postgres: Callable[[str], str]) -> None:
    right = database_url(postgres("postgres")).set(drivername="postgres")
    found = newcomer.check(DATABASE_URL=right.render_as_string(hide_password=False))
    assert found.code == 0, found.text
    assert "opens and is writable; it is new" in found.line("ok    database: PostgreSQL, postgres at ")
    wrong = right.set(username="nobody", password="hunter2-hunter2")
    found = newcomer.check(DATABASE_URL=wrong.render_as_string(hide_password=False))
    assert "postgresql://USER:PASSWORD@HOST:5432/NAME" in found.fails_with("database: PostgreSQL")
    assert "hunter2" not in found.text


def test_postgresql_that_is_down_is_told_with_its_cause(newcomer: Newcomer) -> None:
    with silent() as port:
        pass
    found = newcomer.check(DATABASE_URL=f"postgresql://user:hunter2-hunter2@127.0.0.1:{port}/x")
    fix = found.fails_with("database: PostgreSQL, x at 127.0.0.1 cannot be used: connection refused")
    assert fix == "Start PostgreSQL, or correct host and port in DATABASE_URL."


def test_a_setting_that_is_not_used_yet_is_told(newcomer: Newcomer) -> None:
    found = newcomer.check(USER_CLEANUP_DAYS="7")
    assert found.code == 0
    assert found.line("warn  settings: USER_CLEANUP_DAYS").endswith("accepted, not used by this version yet")
    assert "CREDENTIAL_ROTATION_DAYS" not in found.text


# --- what `bot run` makes of it ---


def test_a_database_that_cannot_be_used_ends_the_start_with_a_sentence(newcomer: Newcomer) -> None:
    (newcomer.folder / "a.db").write_text("this is a text " * 100, encoding="ascii")
    with silent() as port:
        pass
    for url, words in (
        (f"sqlite:///{newcomer.folder}/a.db", "SQLite cannot use"),
        (f"sqlite:///{newcomer.folder}/none/a.db", f"there is no folder {newcomer.folder}/none"),
        (f"postgresql://user:hunter2-hunter2@127.0.0.1:{port}/x", "PostgreSQL at 127.0.0.1: connection refused. Start"),
    ):
        found = newcomer.run(DATABASE_URL=url)
        assert found.code == 1
        assert found.text.splitlines()[0] == "es-access cannot start:"
        assert found.line(f"  - DATABASE_URL: {words}")
        assert len(found.text.splitlines()) == 2, "what to do is in the sentence"
        assert "hunter2" not in found.text


def test_the_log_says_ready_only_when_everything_answers(newcomer: Newcomer) -> None:
    app = newcomer.stage.app
    app.start()
    newcomer.stage.wait(lambda: re.search(r"\bready\b", app.log.read_text(encoding="utf-8")), "ready")
    app.stop()
    with silent() as port:
        pass
    app.environment["ELASTICSEARCH_URL"] = f"http://127.0.0.1:{port}"
    app.start(ready=False)
    newcomer.stage.wait(lambda: re.search(r"\bstarted\b", app.log.read_text(encoding="utf-8")), "started")
    assert "a dependency is unavailable" in app.log.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    "wrong",
    [
        {"ELASTICSEARCH_URL": "http://127.0.0.1:70000"},
        {"ELASTICSEARCH_URL": "http://127.0.0.1:port"},
        {"ELASTICSEARCH_CA_CERTS": "ca.pem"},  # beside an address that begins with http://
    ],
)
def test_an_address_that_cannot_be_used_ends_the_start_with_a_sentence(
    newcomer: Newcomer, wrong: dict[str, str]
) -> None:
    (newcomer.folder / "ca.pem").write_text("-----BEGIN CERTIFICATE-----", encoding="ascii")
    found = newcomer.run(**wrong)
    assert found.code == 1
    assert found.line(f"  - {next(iter(wrong))}: ")
    assert "Traceback" not in found.text


@pytest.mark.parametrize(("url", "port"), [("http://localhost", 80), ("https://localhost", 443)])
def test_an_address_without_a_port_is_taken_with_that_of_its_scheme(url: str, port: int) -> None:
    client = connect(ClusterConnection("user", SecretStr("password"), url=url))
    assert [node.port for node in client.transport.node_pool.all()] == [port]
    client.close()


def test_dot_env_that_is_no_text_is_a_problem_and_no_traceback(newcomer: Newcomer) -> None:
    (newcomer.folder / ".env").write_bytes(b"SLACK_BOT_TOKEN=\xff\xfe\n")
    assert newcomer.check().fails_with("settings: .env cannot be read")
