"""The line in the credential message, pasted into real shells, against a real node behind a private CA."""

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import SecretStr

from bot.access.policy.model import Integration
from bot.access.ports import Credential
from bot.sandbox.node import Node
from bot.slack.blocks.parts.first_use import search_line
from tests.debian import install
from tests.nodes import versions

UNTRUSTED = 60
"""The exit code of curl for a certificate that it cannot verify ("curl.1", curl)."""

SHELLS = ("bash", "zsh")

ODD = [
    "it's",
    "a!b",
    "$(touch pwned)",
    "`id`",
    "a;b&c",
    "größe-*",
    "\u2018x\u2019",
    "{a,b}",
    "[a-c]",
    "!!",
    "~",
    "a\\b",
]
"""Names as no index has them, and some as one may."""


@pytest.fixture(params=SHELLS)
def shell(request: pytest.FixtureRequest) -> str:
    """The path of a shell. Debian's root gets it installed."""
    name = str(request.param)
    found = shutil.which(name) or (install(name) and shutil.which(name))
    if found is None:
        pytest.skip(f"there is no {name} here")
    return found


def prod(url: str, ca_file: str | None = None) -> Integration:
    return Integration(name="prod", owner=("@platform",), public_url=url, ca_file=ca_file)


@pytest.mark.parametrize("interactive", [False, True])
@pytest.mark.parametrize("url", ["https://es.example.com:9200/a'b/$HOME", "https://[::1]:9200"])
def test_a_shell_takes_every_part_as_it_stands(shell: str, interactive: bool, url: str, tmp_path: Path) -> None:
    line = search_line(prod(url, "ca.pem"), ODD, Credential("es-access-7k3f9q", SecretStr("a-_B9")))
    assert line.startswith("curl ")
    assert not set(line) & set('\u2018\u2019\u201a\u201b`"'), "PowerShell reads some of these as quotation marks"
    shown = f"printf '%s\\n' {line.removeprefix('curl ')}\n"
    flags = ["-i"] if interactive else []
    done = subprocess.run(
        [shell, *flags], input=shown, capture_output=True, text=True, timeout=60, check=True, cwd=tmp_path,
        env={"HOME": str(tmp_path), "PATH": "/usr/bin:/bin"},
    )  # fmt: skip
    words = done.stdout.splitlines()[-5:]
    assert words[:4] == ["--cacert", "ca.pem", "-u", "es-access-7k3f9q:a-_B9"]
    assert words[4].endswith("/_search?size=1")
    assert not (tmp_path / "pwned").exists()


@pytest.fixture(scope="module")
def private() -> Iterator[Node]:
    """A node with a certificate of a private CA."""
    with Node.start(versions()[0], tls=True) as node:
        node.create_index("logs-web", docs=[{"message": "a line"}])
        yield node


def test_the_line_works_with_the_file_and_not_without(private: Node, shell: str, tmp_path: Path) -> None:
    name, password = "somebody", "not-a-real-password"
    private.client().security.put_user(username=name, password=password, roles=["superuser"])
    shutil.copy(str(private.ca_certs), tmp_path / "company-ca.pem")

    def pasted(ca_file: str | None) -> subprocess.CompletedProcess[str]:
        line = search_line(prod(private.url, ca_file), ["logs-*"], Credential(name, SecretStr(password)))
        return subprocess.run(
            [shell, "-c", line], capture_output=True, text=True, timeout=60, check=False, cwd=tmp_path
        )  # fmt: skip

    assert pasted(None).returncode == UNTRUSTED
    works = pasted("company-ca.pem")
    assert works.returncode == 0
    assert "a line" in works.stdout


def test_twenty_long_names_are_refused_by_the_node_and_the_line_names_one(node: Node) -> None:
    """The limit of a real node, which `LONGEST_REQUEST` has to keep."""
    names = [f"{'x' * 220}-{each:02}" for each in range(20)]
    line = search_line(prod(node.url), names, Credential("a", SecretStr("b")))
    done = subprocess.run(
        [str(shutil.which("bash")), "-c", f"{line} -s -o /dev/null -w '%{{http_code}}'"],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.stdout == "400"
