"""`bot check` as a newcomer runs it: one thing is wrong at a time, it is named, and what to do stands below it."""

import json
import os
import re
import socket
import sqlite3
import ssl
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import StringIO
from pathlib import Path
from time import monotonic

import pytest
import trustme

from bot.checks.cluster import check_clocks
from bot.checks.report import Report
from bot.cluster.connector import ROLE
from bot.sandbox.node import Node
from bot.storage.engine import database_url
from bot.storage.migrate import migrate
from tests.databases import sqlite_engine
from tests.stage import Stage, set_stage

LONGEST_SECONDS = 90
"""Nothing hangs: each call outside has a limit of ten seconds, and after one that failed what needs it is skipped."""


@dataclass(frozen=True)
class Checked:
    """What `bot check` printed and how it ended."""

    text: str
    code: int

    def line(self, start: str) -> str:
        """The one line that starts so."""
        (found,) = [line for line in self.text.splitlines() if line.startswith(start)]
        return found

    def fix(self, start: str) -> str:
        """What stands below that line."""
        lines = self.text.splitlines()
        rest = lines[lines.index(self.line(start)) + 1 :]
        below = next((count for count, line in enumerate(rest) if not line.startswith("      ")), len(rest))
        return "\n".join(line.strip() for line in rest[:below])

    def fails_with(self, start: str) -> str:
        """What to do about the one problem there is."""
        assert self.text.splitlines()[-1] == "1 problem.", self.text
        assert self.code == 1
        fix = self.fix(f"FAIL  {start}")
        assert fix, self.text
        return fix


@dataclass
class Newcomer:
    """Somebody with a workspace, a node and an environment that is right until a test spoils it."""

    stage: Stage
    folder: Path

    def check(self, **changed: str | None) -> Checked:
        """Runs `bot check` with these variables changed, or (`None`) not set."""
        environment = {"PATH": os.environ["PATH"]} | self.stage.app.environment | changed
        ended = subprocess.run(
            [sys.executable, "-m", "bot", "check"], cwd=self.folder, timeout=LONGEST_SECONDS,
            env={name: value for name, value in environment.items() if value is not None},
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert ended.stderr == ""
        for name in ("SLACK_BOT_TOKEN", "SLACK_APP_TOKEN", "SLACK_SIGNING_SECRET", "ELASTICSEARCH_PASSWORD"):
            secret = environment.get(name)
            assert not secret or secret not in ended.stdout, f"{name} is printed"
        assert all(re.match(r"(ok {4}|FAIL  |warn  |skip  | {6})\S", line) for line in ended.stdout.splitlines()[:-1])
        return Checked(ended.stdout, ended.returncode)


@pytest.fixture
def newcomer(node: Node, tmp_path: Path) -> Iterator[Newcomer]:
    """In Socket Mode."""
    with ExitStack() as stack:
        yield Newcomer(set_stage(node, tmp_path, stack), tmp_path)


@pytest.fixture
def http_newcomer(node: Node, tmp_path: Path) -> Iterator[Newcomer]:
    """In HTTP mode."""
    with ExitStack() as stack:
        yield Newcomer(set_stage(node, tmp_path, stack, http=True), tmp_path)


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
        f"ok    cluster: Elasticsearch {node.version} answers at {node.url}",
        "ok    connector account: es-access-connector has what it needs (monitor, manage_security, index monitor)",
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
    assert "cp .env.example .env" in found.fix("FAIL  settings: ELASTICSEARCH_PASSWORD is not set")
    assert found.line("FAIL  settings: PORT: ")
    assert found.line("ok    Slack: signed in")
    assert found.line("FAIL  Slack scopes: chat:write is missing")
    assert found.line("skip  owners") == "skip  owners: needs INTEGRATION_OWNER"
    assert found.line("skip  cluster") == "skip  cluster: needs ELASTICSEARCH_PASSWORD"
    assert found.line("ok    access details")


def test_nothing_set_at_all_is_a_list_of_what_to_set(newcomer: Newcomer) -> None:
    found = newcomer.check(**dict.fromkeys(newcomer.stage.app.environment))
    assert found.code == 1
    assert found.text.count("FAIL  settings: ") == 6
    for skipped in ("Slack", "Slack events", "owners", "cluster", "access details"):
        assert found.line(f"skip  {skipped}: needs ")
    assert found.line("skip  Slack events") == "skip  Slack events: needs SLACK_APP_TOKEN or SLACK_SIGNING_SECRET"


# --- the database ---


def test_a_folder_that_is_not_there_is_named(newcomer: Newcomer) -> None:
    fix = newcomer.check(DATABASE_URL=f"sqlite:///{newcomer.folder}/none/a.db").fails_with("database: there is no fol")
    assert fix.startswith(f"mkdir -p '{newcomer.folder}/none'")


def test_a_file_that_is_no_database_is_named(newcomer: Newcomer) -> None:
    (newcomer.folder / "es-access.db").write_text("this is a text " * 100, encoding="ascii")
    assert "DATABASE_URL" in newcomer.check().fails_with("database: SQLite cannot use")


def test_a_database_in_use_by_the_application_is_fine(newcomer: Newcomer) -> None:
    newcomer.stage.app.start()
    line = newcomer.check().line("ok    database")
    assert line.endswith("opens and is writable, in use by a running es-access; tables are up to date")
    # The application has noticed nothing, and still works.
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

    assert "tables are up to date" in check("0001").line("ok    database")
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


# --- Slack ---


def test_a_refused_bot_token_is_named_with_where_to_copy_it_from(newcomer: Newcomer) -> None:
    found = newcomer.check(SLACK_BOT_TOKEN="xapp-1-oops")
    assert "OAuth & Permissions > Bot User OAuth Token" in found.fails_with("Slack: the bot token is refused")
    assert found.line("FAIL").endswith("Slack answered invalid_auth; it does not begin with xoxb-")
    assert found.line("skip  owners") == "skip  owners: needs Slack, see above"


@pytest.mark.parametrize("scope", ["commands", "chat:write", "users:read"])
def test_a_missing_scope_is_named_with_where_to_add_it(newcomer: Newcomer, scope: str) -> None:
    newcomer.stage.workspace.revoke_scope(scope)
    found = newcomer.check(INTEGRATION_OWNER="bob@example.com,carol@example.com")
    expected = f"add {scope} in OAuth & Permissions and reinstall the app"
    assert expected in found.fix(f"FAIL  Slack scopes: {scope} is missing")
    assert found.code == 1


@pytest.mark.parametrize(
    ("scope", "owner", "others"),
    [("users:read.email", "bob@example.com", "@data-owners"), ("usergroups:read", "@data-owners", "bob@example.com")],
)
def test_a_scope_is_needed_only_by_owners_of_its_kind(newcomer: Newcomer, scope: str, owner: str, others: str) -> None:
    newcomer.stage.workspace.revoke_scope(scope)
    found = newcomer.check(INTEGRATION_OWNER=f"{owner},{others}")
    assert scope in found.fails_with(f"Slack scopes: {scope} is missing, for the owner {owner}")
    assert found.line(f"skip  owner {owner}") == f"skip  owner {owner}: needs the scope {scope}, see above"
    found = newcomer.check(INTEGRATION_OWNER=f"{newcomer.stage.bob.id},{newcomer.stage.carol.id}")
    assert found.code == 0, found.text


def test_a_refused_app_token_is_named_with_where_to_make_it(newcomer: Newcomer) -> None:
    fix = newcomer.check(SLACK_APP_TOKEN="xapp-1-wrong").fails_with("Socket Mode: the app token is refused")
    assert "App-Level Tokens: generate one with the scope connections:write" in fix


def test_tokens_put_the_wrong_way_round_are_both_named(newcomer: Newcomer) -> None:
    right = newcomer.stage.workspace
    found = newcomer.check(SLACK_BOT_TOKEN=right.app_token, SLACK_APP_TOKEN=right.bot_token)
    assert found.line("FAIL  Socket Mode").endswith("does not begin with xapp-")


@pytest.mark.parametrize(
    ("error", "found", "to_do"),
    [
        ("missing_scope", "Socket Mode: the app token has not the scope connections:write", "App-Level Tokens"),
        ("socket_mode_disabled", "Socket Mode is off", "turn on Enable Socket Mode"),
    ],
)
def test_what_slack_says_of_the_app_is_explained(newcomer: Newcomer, error: str, found: str, to_do: str) -> None:
    with _answering({"apps.connections.open": {"ok": False, "error": error}}) as url:
        assert to_do in newcomer.check(SLACK_API_URL=f"{url}/api/").fix(f"FAIL  {found}")


def test_slack_out_of_reach_is_told_from_a_wrong_token(newcomer: Newcomer) -> None:
    with _silent() as port:
        pass
    fix = newcomer.check(SLACK_API_URL=f"http://127.0.0.1:{port}/api/").fix("FAIL  Slack: Slack does not answer")
    assert "proxy, firewall" in fix


# --- the owners ---


def test_each_owner_who_cannot_be_found_is_named_with_why(newcomer: Newcomer) -> None:
    stage = newcomer.stage
    stage.workspace.deactivate(stage.dave)
    stage.workspace.add_group("left", [stage.dave])
    robot = stage.workspace.add_user("robot", is_bot=True)
    owners = ["nobody@example.com", "@no-such", "@left", stage.dave.id, stage.dave.email, robot.id, "U0000000000"]
    found = newcomer.check(INTEGRATION_OWNER=",".join([stage.bob.email, stage.carol.id, *owners]))
    assert found.text.splitlines()[-1] == "7 problems."
    for owner, why in zip(
        owners,
        ["no active person has this e-mail", "there is no such user group", "has no active members", "is deactivated",
         "no active person has this e-mail", "a bot or a guest", "there is nobody with this user id"],
        strict=True,
    ):  # fmt: skip
        assert why in found.line(f"FAIL  owner {owner}: ")
        assert "INTEGRATION_OWNER" in found.fix(f"FAIL  owner {owner}: ")
    assert found.line("ok    owners") == "ok    owners: 2 people may approve"


def test_a_workspace_without_user_groups_is_named(newcomer: Newcomer) -> None:
    newcomer.stage.workspace.set_paid_plan(paid=False)
    found = newcomer.check(INTEGRATION_OWNER=f"@data-owners,{newcomer.stage.bob.id},{newcomer.stage.dave.id}")
    assert "by e-mail or user id" in found.fails_with("owner @data-owners: this workspace has no user groups")


def test_nobody_left_is_a_problem(newcomer: Newcomer) -> None:
    newcomer.stage.workspace.deactivate(newcomer.stage.bob)
    found = newcomer.check(INTEGRATION_OWNER=newcomer.stage.bob.id)
    assert "at least two active people" in found.fix("FAIL  owners: nobody is left who may approve")


@pytest.mark.parametrize("owners", ["bob@example.com", "bob@example.com,@bobs"])
def test_a_single_owner_is_warned_that_they_can_ask_for_nothing(newcomer: Newcomer, owners: str) -> None:
    newcomer.stage.workspace.add_group("bobs", [newcomer.stage.bob])
    found = newcomer.check(INTEGRATION_OWNER=owners)
    assert found.code == 0
    assert "Add a second person" in found.fix("warn  owners: 1 person may approve")


# --- the cluster ---


def test_a_refused_password_is_named_with_the_calls_that_make_the_account(newcomer: Newcomer) -> None:
    fix = newcomer.check(ELASTICSEARCH_PASSWORD="wrong-wrong").fails_with("cluster: it does not take the password")
    assert "PUT /_security/role/es-access-connector {" in fix
    assert "PUT /_security/user/es-access-connector {" in fix


def test_nothing_at_the_address_is_named(newcomer: Newcomer) -> None:
    with _silent() as port:
        pass
    fix = newcomer.check(ELASTICSEARCH_URL=f"http://127.0.0.1:{port}").fails_with("cluster: nothing listens at")
    assert "Start Elasticsearch" in fix


def test_an_unknown_host_is_named(newcomer: Newcomer) -> None:
    fix = newcomer.check(ELASTICSEARCH_URL="http://no-such-host.invalid:9200").fails_with("cluster: the host of")
    assert "Correct the host name" in fix


@pytest.mark.parametrize("url", ["http://127.0.0.1:port", "http://127.0.0.1:99999"])
def test_an_address_that_cannot_be_used_is_a_problem_of_the_address(newcomer: Newcomer, url: str) -> None:
    found = newcomer.check(ELASTICSEARCH_URL=url)
    assert found.code == 1
    assert "ELASTICSEARCH_URL" in found.line("FAIL")


def test_something_else_at_the_address_is_named(newcomer: Newcomer) -> None:
    with _answering({}) as url:
        found = newcomer.check(ELASTICSEARCH_URL=url)
    assert "Correct ELASTICSEARCH_URL" in found.fails_with("cluster: what answers at")


def test_tls_that_does_not_fit_is_named_with_the_variable_that_mends_it(newcomer: Newcomer, node: Node) -> None:
    https = node.url.replace("http://", "https://")
    fix = newcomer.check(ELASTICSEARCH_URL=https).fails_with(f"cluster: {https} does not speak TLS")
    assert fix == "Begin ELASTICSEARCH_URL with http://"
    authority, ca_file = trustme.CA(), newcomer.folder / "ca.pem"
    authority.cert_pem.write_to_path(ca_file)
    with _tls(authority) as port:
        plain = newcomer.check(ELASTICSEARCH_URL=f"http://127.0.0.1:{port}")
        assert "begin with https://" in plain.fails_with("cluster: ")
        untrusted = newcomer.check(ELASTICSEARCH_URL=f"https://127.0.0.1:{port}")
        assert "ELASTICSEARCH_CA_CERTS=http_ca.crt" in untrusted.fails_with("cluster: the certificate of")
        other = newcomer.check(ELASTICSEARCH_URL=f"https://localhost:{port}", ELASTICSEARCH_CA_CERTS=str(ca_file))
        assert "is for another host" in other.line("FAIL")
    with _tls(trustme.CA()) as port:
        found = newcomer.check(ELASTICSEARCH_URL=f"https://127.0.0.1:{port}", ELASTICSEARCH_CA_CERTS=str(ca_file))
        assert f"not signed by what is in {ca_file}" in found.fails_with("cluster: the certificate of")
    ca_file.write_text("no certificate", encoding="ascii")
    found = newcomer.check(ELASTICSEARCH_URL="https://127.0.0.1:9", ELASTICSEARCH_CA_CERTS=str(ca_file))
    assert "BEGIN CERTIFICATE" in found.fails_with("cluster: there is no certificate in")


def test_missing_privileges_are_named_with_calls_that_give_them(newcomer: Newcomer, node: Node) -> None:
    security = node.client().security
    security.put_role(name="poor-role", cluster=["monitor"])
    security.put_user(username="poor", password="poor-poor", roles=["poor-role"])
    poor = {"ELASTICSEARCH_USERNAME": "poor", "ELASTICSEARCH_PASSWORD": "poor-poor"}
    try:
        fix = newcomer.check(**poor).fails_with("connector account: poor lacks cluster: manage_security, index *: mon")
        calls = [re.fullmatch(r"PUT (/\S+) (\{.*\})", line) for line in fix.splitlines()]
        made = [(call.group(1), json.loads(call.group(2))) for call in calls if call is not None]
        assert made == [
            ("/_security/role/es-access-connector", ROLE),
            ("/_security/user/poor", {"roles": ["poor-role", "es-access-connector"]}),
        ]
        for path, body in made:  # what is printed works when pasted
            node.client().perform_request("PUT", path, headers=_JSON, body=body)
        found = newcomer.check(**poor)
        assert found.code == 0, found.text
    finally:
        security.delete_user(username="poor")
        security.delete_role(name="poor-role")


def test_a_superuser_works_and_is_warned_of(newcomer: Newcomer, node: Node) -> None:
    found = newcomer.check(ELASTICSEARCH_USERNAME=node.admin.username, ELASTICSEARCH_PASSWORD=node.admin.password)
    assert (found.code, found.text.splitlines()[-1]) == (0, "All well.")
    assert found.line("warn").endswith("may do anything in the cluster; it works, and is more than needed")
    assert "PUT /_security/role/es-access-connector {" in found.fix("warn")


@pytest.mark.parametrize(("ahead", "verdict"), [(50, "ok  "), (70, "warn"), (-70, "warn")])
def test_clocks_over_a_minute_apart_are_warned_of(node: Node, ahead: int, verdict: str) -> None:
    class Moved:
        def now(self) -> datetime:
            return datetime.now(UTC) + timedelta(seconds=ahead)

    output = StringIO()
    check_clocks(Report(output), node.client(), Moved())
    assert output.getvalue().startswith(f"{verdict}  clocks: ")


def test_nothing_hangs_when_slack_and_the_cluster_are_silent(newcomer: Newcomer) -> None:
    started = monotonic()
    with _silent() as port:
        found = newcomer.check(
            SLACK_API_URL=f"http://127.0.0.1:{port}/api/", ELASTICSEARCH_URL=f"http://127.0.0.1:{port}",
            DATABASE_URL=f"postgres://user:password@127.0.0.1:{port}/db",
        )  # fmt: skip
    assert monotonic() - started < LONGEST_SECONDS
    assert "firewall" in found.fix("FAIL  cluster: no answer from")
    assert found.line("FAIL  Slack: Slack does not answer")
    assert found.line("FAIL  database: PostgreSQL")


# --- what answers in the place of something else ---

_JSON = {"content-type": "application/json", "accept": "application/json"}


@contextmanager
def _silent() -> Iterator[int]:
    """A port that takes connections and says nothing; after the block nothing listens there."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener.getsockname()[1]


@contextmanager
def _answering(answers: dict[str, dict[str, object]]) -> Iterator[str]:
    """An HTTP server that answers `{"ok": true}`, or what is named for the last part of a path."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            body = json.dumps(answers.get(self.path.rpartition("/")[2], {"ok": True})).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_POST = do_GET  # noqa: N815 (the base class's name)

        def log_message(self, *_: object) -> None:
            """Tests print nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


@contextmanager
def _tls(authority: trustme.CA) -> Iterator[int]:
    """A port with a certificate of that authority for 127.0.0.1; nobody is answered anything after the handshake."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)

    def serve() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            try:
                context.wrap_socket(connection, server_side=True).close()
            except OSError:
                connection.close()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve)
        thread.start()
        yield listener.getsockname()[1]
        listener.shutdown(socket.SHUT_RDWR)
        thread.join()
