"""The database is lost, or an administrator changes the cluster by hand: access still ends on time."""

import os
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import psycopg
import pytest

from bot.cluster.ownership import METADATA_KEY
from bot.sandbox.application import ApplicationProcess
from bot.sandbox.node import Node
from tests.databases import DATABASES
from tests.forked import run_forked
from tests.nodes import make_visible
from tests.stage import Secret, Stage, set_stage

OK, GONE = 200, 401
HOUR = 3600
NOT_KNOWN = "it was found in the cluster, and is not known here"


class Losing:
    """A stage whose database can be lost."""

    def __init__(self, stage: Stage, url: str | None) -> None:
        self.stage = stage
        self._url = url

    def lose(self) -> None:
        """Deletes the whole database while the application is stopped."""
        if self._url is None:
            for file in self.stage.app.directory.glob("es-access.db*"):
                file.unlink()
            return
        with psycopg.connect(self._url, autocommit=True) as connection:
            connection.execute("DROP SCHEMA public CASCADE")
            connection.execute("CREATE SCHEMA public")

    def copy(self) -> Callable[[], None]:
        """Returns a function that restores the database as it is now. SQLite only."""
        files = {file: file.read_bytes() for file in self.stage.app.directory.glob("es-access.db*")}

        def restore() -> None:
            self.lose()
            for file, content in files.items():
                file.write_bytes(content)

        return restore


@pytest.fixture(params=DATABASES)
def losing(request: pytest.FixtureRequest, each_node: Node, tmp_path: Path) -> Iterator[Losing]:
    """On each database and each version of Elasticsearch."""
    with ExitStack() as stack:
        url = None
        if request.param == "postgresql":
            postgres = request.getfixturevalue("postgres")
            url = postgres("lost")
            connection = stack.enter_context(psycopg.connect(postgres("postgres"), autocommit=True))
            connection.execute("CREATE DATABASE lost")
            stack.callback(connection.execute, "DROP DATABASE lost WITH (FORCE)")
        stage = set_stage(each_node, tmp_path, stack, settings={"DATABASE_URL": url} if url else None)
        stack.callback(sweep, each_node)
        stage.app.start()
        yield Losing(stage, url)


@pytest.fixture
def small(node: Node, tmp_path: Path) -> Iterator[Losing]:
    """On SQLite and one version, for tests that depend on neither."""
    with ExitStack() as stack:
        stage = set_stage(node, tmp_path, stack)
        stack.callback(sweep, node)
        stage.app.start()
        yield Losing(stage, None)


def sweep(node: Node) -> None:
    """Removes the users and roles that the test's database no longer knows."""
    security = node.client().options(ignore_status=404).security
    for name, user in security.get_user().body.items():
        if METADATA_KEY in user["metadata"]:
            security.delete_user(username=name)
    for name, role in security.get_role().body.items():
        if METADATA_KEY in role["metadata"]:
            security.delete_role(name=name)


def user_there(stage: Stage, secret: Secret) -> bool:
    return bool(stage.node.client().options(ignore_status=404).security.get_user(username=secret.username).body)


def command(stage: Stage, *words: str) -> subprocess.CompletedProcess[str]:
    """Runs `bot` beside the application, with its environment."""
    environment = {"PATH": os.environ.get("PATH", "")} | stage.app.environment
    return run_forked(words, environment, stage.app.directory, timeout=90)


# --- the database is lost ---


def test_grants_of_a_lost_database_end_on_time_and_their_requester_is_told(losing: Losing) -> None:
    stage = losing.stage
    request, secret = stage.granted("logs-* 1h")
    stage.app.stop()
    losing.lose()
    make_visible(stage.node)
    stage.app.start()
    stage.wait(lambda: request in stage.say(stage.alice, "list"), "the grant that was taken over")
    assert stage.search(secret, "logs-web") == OK
    stage.app.move_clock(HOUR + 1)
    stage.refused(secret)
    stage.reads(stage.alice, f"ACCESS {request} HAS ENDED", "Access of @alice is over", "Ended: expired")
    stage.wait(lambda: not user_there(stage, secret), "the end of the user")


def test_what_was_over_before_the_database_was_found_lost_ends_at_once(losing: Losing) -> None:
    stage = losing.stage
    request, secret = stage.granted("logs-* 1h")
    stage.app.stop()
    losing.lose()
    make_visible(stage.node)
    stage.app.move_clock(HOUR + 1)
    stage.app.start()
    stage.refused(secret)
    stage.reads(stage.alice, f"ACCESS {request} HAS ENDED", NOT_KNOWN)


def test_an_orphan_of_an_older_copy_of_the_database_ends_on_time(small: Losing) -> None:
    stage = small.stage
    stage.app.stop()
    restore = small.copy()
    stage.app.start()
    request, secret = stage.granted("logs-* 1h")
    stage.app.kill()
    restore()
    make_visible(stage.node)
    stage.app.start()
    stage.wait(lambda: request in stage.say(stage.alice, "list"), "the grant that was taken over")
    stage.say(stage.alice, f"revoke {request}")
    stage.refused(secret)


# --- changed by hand ---


def test_what_is_removed_by_hand_is_closed_and_what_comes_back_is_removed(small: Losing) -> None:
    stage = small.stage
    request, secret = stage.granted("logs-* 2h")
    security = stage.node.client().security
    user = dict(security.get_user(username=secret.username).body[secret.username])
    security.delete_user(username=secret.username, refresh=True)
    stage.app.move_clock(HOUR / 2)
    stage.reads(stage.alice, f"ACCESS {request} HAS ENDED", "it was removed from the cluster by hand")
    security.put_user(
        username=secret.username, password=secret.password, roles=[], metadata=user["metadata"], refresh=True
    )
    assert user_there(stage, secret)
    stage.app.move_clock(HOUR / 4)
    stage.wait(lambda: not user_there(stage, secret), "the second end of the user")
    assert len(stage.audit("grant.found_again")) == 1


# --- clocks ---


@pytest.mark.parametrize("by", [-600, 600])
def test_a_grant_ends_by_the_clock_that_is_there_first(small: Losing, by: int) -> None:
    """The application's clock is ten minutes off the cluster's; an hour of access ends after fifty or sixty minutes."""
    stage = small.stage
    stage.app.stop()
    stage.app.move_clock(by)
    stage.app.start()
    _, secret = stage.granted("logs-* 11m")
    # The cluster's clock cannot be moved: by it the grant has eleven minutes left, or one.
    assert stage.search(secret, "logs-web") == OK
    stage.reads(stage.bob, "The clock of the cluster elasticsearch is", "s behind" if by > 0 else "s ahead")
    if by < 0:
        stage.workspace.wait_for(lambda: stage.search(secret, "logs-web") == GONE, 75, "the end by the cluster's clock")


# --- commands ---


@pytest.mark.parametrize("running", [True, False])
def test_revoke_ends_one_or_all_and_prints_what_was_read_back(small: Losing, *, running: bool) -> None:
    stage = small.stage
    first, one = stage.granted("logs-* 1h")
    second, two = stage.granted("metrics-* 1h")
    third, three = stage.granted("logs-web 1h")
    if not running:
        stage.app.stop()
    done = command(stage, "revoke", first.lower())
    assert done.returncode == 0, done.stderr
    assert f"{first}: ended: user gone, role gone, API keys: 0 left" in done.stdout
    assert stage.search(one, "logs-web") == GONE
    assert stage.search(three, "logs-web") == OK
    again = command(stage, "revoke", first)
    assert (again.returncode, again.stdout) == (1, "")
    assert "has already ended" in again.stderr
    asked = command(stage, "revoke", "--all")
    assert asked.returncode == 1
    assert "End 2 live grants now? Nobody is here to say so: add --yes." in asked.stderr
    assert stage.search(three, "logs-web") == OK
    everything = command(stage, "revoke", "--all", "--yes")
    assert everything.returncode == 0, everything.stderr
    assert f"{second}: ended" in everything.stdout
    assert f"{third}: ended" in everything.stdout
    assert (stage.search(two, "metrics-cpu"), stage.search(three, "logs-web")) == (GONE, GONE)
    if not running:
        stage.app.start()
    stage.reads(stage.alice, f"ACCESS {third} HAS ENDED", "Access of @alice is over")
    assert "There is no live grant." in command(stage, "revoke", "--all", "--yes").stdout


@pytest.mark.parametrize(
    "words", [("revoke",), ("revoke", "REQ-000000", "--all"), ("revoke", "x"), ("revoke", "REQ-0")]
)
def test_a_command_that_means_nothing_changes_nothing(small: Losing, words: tuple[str, ...]) -> None:
    done = command(small.stage, *words)
    assert done.returncode in {1, 2}
    assert done.stdout == ""
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize("running", [True, False])
def test_reconcile_does_it_now_and_says_what(small: Losing, *, running: bool) -> None:
    stage = small.stage
    known, _ = stage.granted("logs-* 1h")
    lost, secret = stage.granted("metrics-* 1h")
    name = secret.username
    user = dict(stage.node.client().security.get_user(username=name).body[name])
    stage.say(stage.alice, f"revoke {lost}")
    stage.refused(secret)
    # An expired user of ours that the database does not know.
    stranger = f"{name}x"
    mark = {METADATA_KEY: {**user["metadata"][METADATA_KEY], "grant": "REQ-7K3F9Q", "expires_at": "2020-01-01T00:00Z"}}
    stage.node.client().security.put_user(
        username=stranger, password="a-password", roles=[], metadata=mark, refresh=True
    )  # fmt: skip
    if not running:
        stage.app.stop()
    done = command(stage, "reconcile")
    assert done.returncode == 0, done.stderr + done.stdout
    assert "elasticsearch: 2 names of this installation in the cluster" in done.stdout
    assert "1 unknown here and over: ended" in done.stdout
    assert "REQ-7K3F9Q: ended: user gone" in done.stdout
    assert not stage.node.client().options(ignore_status=404).security.get_user(username=stranger).body
    again = command(stage, "reconcile")
    assert again.returncode == 0, again.stderr
    assert "all of it is as it should be" in again.stdout
    assert stage.node.client().security.get_user(username=f"es-access-{known[4:].lower()}").body


def test_reconcile_says_what_could_not_be_done(small: Losing) -> None:
    stage = small.stage
    stage.app.environment["ELASTICSEARCH_URL"] = "http://127.0.0.1:9"
    done = command(stage, "reconcile")
    assert done.returncode == 1
    assert "not finished: Elasticsearch does not answer" in done.stdout


# --- two installations ---


def test_two_installations_on_one_cluster_leave_each_other_alone(small: Losing, tmp_path: Path) -> None:
    stage = small.stage
    second = tmp_path / "second"
    second.mkdir()
    owners = stage.app.environment["INTEGRATION_OWNER"]
    settings = {"INSTALLATION_ID": "another"}
    request, secret = stage.granted("logs-* 1h")
    make_visible(stage.node)
    with ApplicationProcess(
        stage.workspace, stage.node, stage.node.connector(), second, owners=owners, settings=settings
    ) as find_duplicate:
        find_duplicate.start()
        find_duplicate.move_clock(2 * HOUR)
        twin_stage = Stage(stage.workspace, stage.node, find_duplicate, stage.alice, stage.bob, stage.carol, stage.dave)
        done = command(twin_stage, "reconcile")
        assert "elasticsearch: 0 names of this installation" in done.stdout
        assert "There is no live grant." in command(twin_stage, "revoke", "--all", "--yes").stdout
        assert stage.search(secret, "logs-web") == OK
    assert request in stage.say(stage.alice, "list")
    assert "elasticsearch: 1 name of this installation" in command(stage, "reconcile").stdout
