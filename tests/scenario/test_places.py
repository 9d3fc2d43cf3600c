"""Places to run in: ids without a name, umasks, folders and databases without rights, addresses of IPv6.

Each test runs `bot` in a process of its own, under another user id where rights matter.
"""

import json
import os
import shutil
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from urllib.request import urlopen

import psycopg
import pytest

from bot.sandbox.node.node import free_port
from bot.storage.engine import database_url, open_engine
from bot.storage.migrate import migrate

NAMELESS = 54321
"""A user id that no system gives to anybody."""

SECONDS = 30.0

SETTINGS = {
    "SLACK_BOT_TOKEN": "xoxb-1234567890",
    "SLACK_APP_TOKEN": "xapp-1234567890",
    "SLACK_API_URL": "http://127.0.0.1:9/api",  # nobody listens on the port of “discard”
    "ELASTICSEARCH_URL": "http://127.0.0.1:9",
    "ELASTICSEARCH_USERNAME": "es-access-connector",
    "ELASTICSEARCH_PASSWORD": "a-long-password",
    "INTEGRATION_OWNER": "alice@example.com",
    "INSTALLATION_ID": "places",
    "LOG_FORMAT": "ecs",
}


@dataclass
class Place:
    """A folder, and how a process runs there. It reads what root may read, as the interpreter may be root's own."""

    folder: Path
    umask: int = 0o022
    nameless: bool = False

    def command(self, *words: str) -> list[str]:
        bot = [sys.executable, "-c", f"import os; os.umask({self.umask}); from bot.cli.main import main; main()"]
        if not self.nameless:
            return [*bot, *words]
        read = "dac_read_search"
        user = [f"--reuid={NAMELESS}", f"--regid={NAMELESS}", "--clear-groups"]
        return ["setpriv", *user, f"--inh-caps=+{read}", f"--ambient-caps=+{read}", *bot, *words]

    def environment(self, **settings: str) -> dict[str, str]:
        kept = {} if self.nameless else {"HOME": str(self.folder)}
        return {"PATH": os.environ["PATH"], **kept, **SETTINGS, "HEALTH_PORT": str(free_port()), **settings}

    def run(self, *words: str, **settings: str) -> subprocess.CompletedProcess[str]:
        """Runs a command to its end."""
        return subprocess.run(
            self.command(*words), check=False, cwd=self.folder, env=self.environment(**settings),
            capture_output=True, text=True, timeout=SECONDS,
        )  # fmt: skip

    def starts(self, host: str = "127.0.0.1", **settings: str) -> str:
        """Starts the application, waits until it answers on `host`, stops it, and returns its log."""
        environment = self.environment(**settings)
        url = f"http://{host}:{environment['HEALTH_PORT']}/healthz"
        process = subprocess.Popen(
            self.command("run"), cwd=self.folder, env=environment, stderr=subprocess.PIPE, text=True
        )

        def answers() -> bool:
            try:
                with urlopen(url, timeout=2) as answer:
                    return bool(answer.status == 200)
            except OSError:
                return process.poll() is not None

        try:
            until = time.monotonic() + SECONDS
            while not answers() and time.monotonic() < until:
                time.sleep(0.1)
        finally:
            process.terminate()
            log = process.communicate(timeout=SECONDS)[1]
        assert process.returncode == 0, log
        assert "Traceback" not in log
        return log


@pytest.fixture
def place(tmp_path: Path) -> Place:
    """The test's own user."""
    return Place(tmp_path)


@pytest.fixture
def nameless() -> Iterator[Place]:
    """A user id without a name and a home, in a folder of its own."""
    if os.geteuid() != 0 or shutil.which("setpriv") is None:
        pytest.skip("only root with setpriv runs a process under another user id")
    folder = Path(f"/tmp/places-{os.getpid()}")  # noqa: S108 (pytest's own folders are for the test's user alone)
    folder.mkdir()
    os.chown(folder, NAMELESS, NAMELESS)
    yield Place(folder, nameless=True)
    shutil.rmtree(folder)


def modes(folder: Path) -> dict[str, int]:
    return {each.name: each.stat().st_mode & 0o777 for each in folder.glob("es-access.db*")}


def test_a_user_id_without_a_name_and_a_home_runs_the_commands(nameless: Place) -> None:
    nameless.starts()
    for command in ("check", "audit", "reconcile", "discover"):
        done = nameless.run(command)
        assert "Traceback" not in done.stdout + done.stderr, (command, done.stderr)
    assert "There is no live grant." in nameless.run("revoke", "--all", "--yes").stdout


def test_a_read_only_working_directory_is_enough_when_the_database_is_elsewhere(nameless: Place) -> None:
    data = nameless.folder / "data"
    data.mkdir()
    os.chown(data, NAMELESS, NAMELESS)
    os.chown(nameless.folder, 0, 0)
    nameless.starts(DATABASE_URL=f"sqlite:///{data}/es-access.db")
    assert [each.name for each in nameless.folder.iterdir()] == ["data"]


def test_a_database_in_a_read_only_folder_is_refused_with_what_to_do(nameless: Place) -> None:
    os.chown(nameless.folder, 0, 0)
    done = nameless.run("run")
    assert done.returncode == 1
    file = nameless.folder / "es-access.db"
    assert f"DATABASE_URL: {file} cannot be written by this user ({NAMELESS})" in done.stderr
    assert "Name a file in a folder that it may write" in done.stderr
    assert f"this user may not write into {nameless.folder}" in nameless.run("check").stdout


@pytest.mark.parametrize("umask", [0o000, 0o777], ids=oct)
def test_a_new_database_is_for_its_user_alone_whatever_the_umask(place: Place, umask: int) -> None:
    place.umask = umask
    place.starts()
    found = modes(place.folder)
    assert found["es-access.db"] == 0o600
    assert set(found.values()) == {0o600}


def test_a_database_that_others_can_read_is_closed_to_them(place: Place) -> None:
    place.starts()
    file = place.folder / "es-access.db"
    with closing(sqlite3.connect(file)) as held:  # so that its two other files stay
        held.execute("SELECT count(*) FROM audit_event").fetchone()
        for each in place.folder.glob("es-access.db*"):
            each.chmod(0o644)
        assert {"es-access.db-wal", "es-access.db-shm"} <= set(modes(place.folder))
        found = place.run("check").stdout
        assert "warn  database: other users of this machine can read es-access.db\n" in found
        assert "chmod 600 'es-access.db'" in found
        assert set(modes(place.folder).values()) == {0o644}, "a check changes nothing"
        place.starts()
        assert {mode for name, mode in modes(place.folder).items() if name != "es-access.db.lock"} == {0o600}
    assert "other users" not in place.run("check").stdout


def test_a_database_of_somebody_else_that_others_can_read_is_named_in_the_log(nameless: Place) -> None:
    nameless.starts()
    file = nameless.folder / "es-access.db"
    os.chown(file, 0, NAMELESS)
    file.chmod(0o664)
    log = nameless.starts()
    (line,) = [json.loads(each) for each in log.splitlines() if "other users of this machine" in each]
    assert line["log.level"] == "warning"
    assert line["labels"]["file"] == "es-access.db"
    assert modes(nameless.folder)["es-access.db"] == 0o664


def test_a_database_that_was_given_to_a_group_stays_with_it(place: Place) -> None:
    place.starts()
    file = place.folder / "es-access.db"
    file.chmod(0o660)
    place.starts()
    assert modes(place.folder)["es-access.db"] == 0o660


@pytest.fixture
def limited(postgres: Callable[[str], str]) -> Iterator[Callable[[str], str]]:
    """Makes a database whose account `limited_app` has the rights of PUBLIC alone, and returns its URL."""
    made: list[str] = []
    with psycopg.connect(postgres("postgres"), autocommit=True) as connection:
        connection.execute("CREATE ROLE limited_app LOGIN")

        def make(name: str) -> str:
            connection.execute(f'CREATE DATABASE "{name}"')  # type: ignore[arg-type, unused-ignore]
            made.append(name)
            return postgres(name).replace("//postgres:", "//limited_app:")

        yield make
        for name in made:
            connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)')  # type: ignore[arg-type, unused-ignore]
        connection.execute("DROP ROLE limited_app")


GRANT = "In that database, as its owner: GRANT CREATE, USAGE ON SCHEMA public TO limited_app;"


@pytest.mark.parametrize("hidden", [False, True], ids=["PostgreSQL 15 and later", "a schema closed to everyone"])
def test_the_grant_that_helps_is_named_and_helps(
    place: Place, limited: Callable[[str], str], postgres: Callable[[str], str], *, hidden: bool
) -> None:
    url = limited("public_closed")
    with psycopg.connect(postgres("public_closed"), autocommit=True) as connection:
        if hidden:
            connection.execute("REVOKE ALL ON SCHEMA public FROM PUBLIC")
        for found in (place.run("run", DATABASE_URL=url).stderr, place.run("check", DATABASE_URL=url).stdout):
            assert "limited_app may not create tables in the schema public" in found
            assert GRANT in found
        connection.execute("GRANT CREATE, USAGE ON SCHEMA public TO limited_app")
    place.starts(DATABASE_URL=url)


def test_tables_of_another_role_are_named(
    place: Place, limited: Callable[[str], str], postgres: Callable[[str], str]
) -> None:
    url = limited("of_another")
    engine = open_engine(database_url(postgres("of_another")))
    migrate(engine)
    engine.dispose()
    for found in (place.run("run", DATABASE_URL=url).stderr, place.run("check", DATABASE_URL=url).stdout):
        assert "the tables belong to postgres, and limited_app is no member of it" in found
        assert "Sign in as postgres in DATABASE_URL" in found


@pytest.mark.parametrize(("host", "reached"), [("::", "127.0.0.1"), ("[::]", "[::1]"), ("[::1]", "[::1]")])
def test_an_address_of_ipv6_with_and_without_brackets_and_all_of_both_families(
    place: Place, host: str, reached: str
) -> None:
    _needs_ipv6()
    place.starts(reached, HOST=host)


@pytest.mark.parametrize("host", ["192.0.2.1", "[2001:db8::1]", "no-such-host.invalid"])
def test_an_address_that_this_machine_does_not_have_is_a_problem_of_the_host(place: Place, host: str) -> None:
    done = place.run("run", HOST=host)
    assert done.returncode == 1
    assert f"HOST: cannot listen on {host}: it is no address of this machine" in done.stderr


def _needs_ipv6() -> None:
    try:
        with socket.create_server(("::1", 0), family=socket.AF_INET6):
            pass
    except OSError:
        pytest.skip("this machine has no IPv6")
