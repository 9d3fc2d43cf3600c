"""The last line of `bot check` agrees with the lines above it."""

from io import StringIO

import pytest

from bot.checks.report import Report


@pytest.mark.parametrize(
    ("warnings", "problems", "last", "code"),
    [
        (0, 0, "All well.", 0),
        (1, 0, "No problem, 1 warning.", 0),
        (2, 0, "No problem, 2 warnings.", 0),
        (2, 1, "1 problem.", 1),
        (0, 2, "2 problems.", 1),
    ],
)
def test_the_last_line_counts_what_was_found(warnings: int, problems: int, last: str, code: int) -> None:
    output = StringIO()
    report = Report(output)
    for _ in range(warnings):
        report.warn("something")
    for _ in range(problems):
        report.fail("something")
    assert report.end() == code
    assert output.getvalue().splitlines()[-1] == last
