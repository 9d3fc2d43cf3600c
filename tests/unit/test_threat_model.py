"""docs/security.md names the tests that hold it, and each of them is there."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
NAMED = re.compile(r"`(tests/[\w/]+\.py)::(test_\w+)`")
THREAT = re.compile(r"^### (.+)$", re.MULTILINE)

WANTED = (
    "stolen bot token", "forged request", "replay", "insider", "compromised cluster", "SQL injection", "Markup", "log",
    "elsewhere", "audit trail", "dependency", "user group", "temporary password", "wrong person",
)  # fmt: skip


def sections() -> dict[str, str]:
    """The text below each threat."""
    parts = THREAT.split((ROOT / "docs" / "security.md").read_text(encoding="utf-8"))
    return dict(zip(parts[1::2], parts[2::2], strict=True))


@pytest.mark.parametrize("threat", sections())
def test_each_threat_names_tests_that_exist(threat: str) -> None:
    named = NAMED.findall(sections()[threat])
    assert named
    for file, name in named:
        tree = ast.parse((ROOT / file).read_text(encoding="utf-8"))
        assert name in {each.name for each in tree.body if isinstance(each, ast.FunctionDef)}, f"{file}::{name}"


@pytest.mark.parametrize("words", WANTED)
def test_no_threat_is_left_out(words: str) -> None:
    assert [each for each in sections() if words in each]
