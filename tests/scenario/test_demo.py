"""`bot sandbox` as a newcomer runs it: a command in a shell, in whatever environment that shell has."""

import os
import pty
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from elasticsearch import Elasticsearch

from bot.sandbox.node.assembly import cache_root

SECONDS = 90.0
"""For a command that takes 12 on two idle cores."""

HOSTILE = {
    "ELASTICSEARCH_PASSWORD": "not-ours",
    "SLACK_API_URL": "http://127.0.0.1:1/api/",
    "SLACK_SIGNING_SECRET": "not-ours",
    "INTEGRATION_OWNER": "nobody@example.com",
    "HEALTH_PORT": "1",
    "http_proxy": "http://127.0.0.1:1",
    "LOG_LEVEL": "shouting",
}
"""Variables of a developer's shell or `.env` file: the sandbox must ignore them."""

STORY = (
    "Alice is in Paris, Bob in New York: each sees times in their own zone",
    "1. Alice asks, Bob is asked",
    "/es-access logs-* 1h fixing INC-42",
    "only visible to you",
    "[ Approve ] [ Deny ]",
    "I cannot give access to “.security*”",
    "Bob clicks [ Approve ]",
    "Password: ",
    "$ curl -u 'es-access-",
    "HTTP 200, 6 documents found",
    "/metrics-hosts/_search?size=1'",
    "HTTP 403",
    "/es-access revoke REQ-",
    "Ended: revoked by @alice",
    "HTTP 401",
    "7. Alice asks again, for a script that writes",
    "API key: ",
    "$ curl -H 'Authorization: ApiKey ",
    "Alice stores a document in metrics-hosts",
    "it is stored: 201",
    "The clock moves on by one hour",
    "Ended: expired",
    "Bob · message from es-access",
    "Ended: expired",
    "HTTP 401",
    "nothing: no user, no role, no key",
    "Every step was checked and passed. Everything is stopped.",
)
"""Expected output, in this order."""

SCREEN = ("DISPLAY", "WAYLAND_DISPLAY")
"""Tests open no browser."""

MAIN = "from bot.cli.main import main; main()"


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A directory with a `.env` that is not the sandbox's, an empty home and an empty place for temporary files."""
    (tmp_path / ".env").write_text("".join(f"{name}={text}\n" for name, text in HOSTILE.items()))
    (tmp_path / "home").mkdir()
    (tmp_path / "temporary").mkdir()
    return tmp_path


@contextmanager
def sandbox(
    place: Path,
    *arguments: str,
    code: str = MAIN,
    environment: dict[str, str] | None = None,
    stdin: int = subprocess.DEVNULL,
) -> Iterator[subprocess.Popen[str]]:
    """`bot sandbox`, its output in a pipe. In a session of its own: its signals reach no one else."""
    shell = {name: text for name, text in os.environ.items() if "COLOR" not in name and name not in SCREEN}
    environment = shell | HOSTILE | (environment or {})
    environment |= {"HOME": str(place / "home"), "TMPDIR": str(place / "temporary"), "TERM": "dumb"}
    environment["XDG_CACHE_HOME"] = str(cache_root().parent)
    process = subprocess.Popen(
        [sys.executable, "-c", code, "sandbox", *arguments], cwd=place, env=environment, text=True,
        encoding="utf-8", stdin=stdin, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        start_new_session=True,
    )  # fmt: skip
    try:
        yield process
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


def output_until(process: subprocess.Popen[str], words: str) -> str:
    """The output up to the line with these words."""
    assert process.stdout is not None
    said = ""
    for line in process.stdout:
        said += line
        if words in line:
            return said
    raise AssertionError(f"it never said “{words}”:\n{said}")


def assert_nothing_is_left(place: Path) -> None:
    """No file, and no process: each of them has a path below `place` on its command line."""
    assert list((place / "temporary").iterdir()) == []
    assert [line for line in command_lines() if str(place) in line] == []


def command_lines() -> list[str]:
    """Of every process on this machine."""
    if Path("/proc/self/cmdline").exists():
        lines = []
        for each in Path("/proc").glob("[0-9]*/cmdline"):
            with suppress(OSError):  # it has just ended
                lines.append(each.read_bytes().replace(b"\0", b" ").decode(errors="replace"))
        return lines
    return subprocess.run(
        ["/bin/ps", "-A", "-o", "args="], capture_output=True, text=True, check=True
    ).stdout.splitlines()


def test_the_story_is_told_is_true_and_leaves_nothing_behind(place: Path) -> None:
    with sandbox(place, "--story") as process:
        said, _ = process.communicate(timeout=SECONDS)
    assert process.returncode == 0, said
    rest = said
    for words in STORY:
        assert words in rest, f"“{words}” is not there, or not in its place:\n{said}"
        rest = rest.partition(words)[2]
    assert "\x1b" not in said, "a pipe gets no colours"
    shown = [line for line in said.splitlines() if not line.lstrip().startswith("$ curl")]
    assert max(map(len, shown)) <= 80, "only the line to be copied is longer"
    assert_nothing_is_left(place)


def test_a_story_that_is_not_true_says_where_and_fails(place: Path) -> None:
    wrong = f"import bot.sandbox.story as story; story.FORBIDDEN = 418; {MAIN}"
    with sandbox(place, "--story", code=wrong) as process:
        said, _ = process.communicate(timeout=SECONDS)
    assert process.returncode == 1, said
    assert "✗ Not true: 5. It works on nothing else" in said
    assert "expected: another index is refused: 418\nbut: CurlAnswer(status=403, found=0)" in said
    assert "Every step was checked" not in said
    assert_nothing_is_left(place)


def test_an_open_sandbox_ends_well_at_ctrl_c(place: Path) -> None:
    with sandbox(place) as process:
        said = output_until(process, "Ctrl-C ends all of it")
        assert "INTEGRATION_OWNER=bob@example.com" in said
        assert "SLACK_APP_TOKEN=xapp-" in said
        os.killpg(process.pid, signal.SIGINT)  # as a terminal does: the whole foreground group gets it
        rest, _ = process.communicate(timeout=SECONDS)
        assert process.returncode == 0, rest
    assert_nothing_is_left(place)


def test_the_sandbox_runs_on_several_nodes_and_ends_well_though_one_is_frozen(place: Path) -> None:
    with sandbox(place, "--nodes", "2") as process:
        said = output_until(process, "Ctrl-C ends all of it")
        nodes = re.findall(r"Its node \d +(http://\S+) +\(process (\d+)\)", said)
        assert len(set(nodes)) == 2
        (user, password), (url, _) = re.findall(r"administrator: (\w+), (\S+)\)", said)[0], nodes[1]
        with Elasticsearch(url, basic_auth=(user, password)) as client:
            assert client.cluster.health()["number_of_nodes"] == 2
        os.kill(int(nodes[1][1]), signal.SIGSTOP)
        os.killpg(process.pid, signal.SIGINT)
        rest, _ = process.communicate(timeout=SECONDS)
        assert process.returncode == 0, rest
    assert_nothing_is_left(place)


def test_a_story_that_is_cut_short_has_proved_nothing(place: Path) -> None:
    with sandbox(place, "--story") as process:
        output_until(process, "Bob clicks [ Approve ]")
        process.send_signal(signal.SIGTERM)
        assert process.wait(SECONDS) == 128 + signal.SIGTERM
    assert_nothing_is_left(place)


def test_a_story_at_a_terminal_is_told_and_then_it_stays_open(place: Path) -> None:
    ours, theirs = pty.openpty()
    try:
        with sandbox(place, "--story", stdin=theirs) as process:
            said = output_until(process, "Ctrl-C ends all of it")
            assert "Every step was checked and passed. Now it is your turn" in said
            assert re.search(r"The workspace   http://127\.0\.0\.1:\d+/", said)
            process.send_signal(signal.SIGINT)
            rest, _ = process.communicate(timeout=SECONDS)
            assert process.returncode == 0, rest
    finally:
        os.close(ours)
        os.close(theirs)
    assert_nothing_is_left(place)


@pytest.mark.parametrize("name", ["ELASTICSEARCH_URL", "ELASTICSEARCH_CLOUD_ID", "ACCESS_CONFIG"])
def test_it_does_not_start_beside_settings_for_another_cluster(place: Path, name: str) -> None:
    with sandbox(place, environment={name: "of-somebody-else"}) as process:
        said, _ = process.communicate(timeout=SECONDS)
    assert process.returncode == 1
    assert f"Your environment has {name}: `unset {name}`, then try again." in said
    (place / ".env").write_text(f"{name}=of-somebody-else\n")
    with sandbox(place) as process:
        said, _ = process.communicate(timeout=SECONDS)
    assert process.returncode == 1
    assert said.splitlines() == [
        "The sandbox has a cluster of its own, and does not start beside settings for another one.",
        f"{place / '.env'} has {name}: run the sandbox in another directory.",
    ]


def test_an_unknown_version_is_answered_with_those_there_are(place: Path) -> None:
    with sandbox(place, "--version", "7.17.0") as process:
        said, _ = process.communicate(timeout=SECONDS)
    assert process.returncode == 1
    assert " ".join(said.split()) == "There is no version 7.17.0 in the sandbox. It knows 9.5.3 and 8.19.21."
