"""`strict: true` refuses a file in which a flow undercuts a stricter one, by names and lines, without other values."""

import pytest

from tests.unit.config.access_yaml.test_reader import CANARY, GOOD, refused, taken

PAIR = f"""\
  - name: strict
    patterns: ["pay-{CANARY}"]
    approvals: 2
  - name: wide
    reason: required
    reason_pattern: {CANARY}
"""

HEAD = GOOD[: GOOD.index("  - name: everyone")]


def test_a_file_with_such_a_pair_is_refused_by_its_lines() -> None:
    text = f"strict: true\n{HEAD}{PAIR}"
    lines = text.splitlines()
    strict, wide = (1 + lines.index(f"  - name: {name}") for name in ("strict", "wide"))
    ((line, sentence),) = refused(text)
    assert line == wide
    assert sentence == (
        f"strict: the flow “wide” undercuts “strict” on line {strict}, so that the same data is given with less "
        "demanded. With strict: false, bot check shows an example"
    )


@pytest.mark.parametrize("text", [f"{HEAD}{PAIR}", f"strict: false\n{HEAD}{PAIR}", f"strict: true\n{GOOD}"])
def test_other_files_are_taken(text: str) -> None:
    assert taken(text).policy.access_flows


def test_what_is_wrong_otherwise_is_named_first() -> None:
    ((_, sentence),) = refused(f"strict: perhaps\n{HEAD}{PAIR}")
    assert sentence == "strict: must be true or false"
