"""`bot check` notes the flows that show people a regular expression."""

from io import StringIO

from bot.checks.policy import check_reason_hint
from bot.checks.report import Report
from tests.fakes import flow


def noted(**values: object) -> str:
    output = StringIO()
    report = Report(output)
    check_reason_hint(report, flow(**values))
    assert (report.problems, report.warnings) == (0, 0)
    return output.getvalue()


def test_an_expression_without_words_is_noted() -> None:
    text = noted(reason_pattern="INC-[0-9]+")
    assert text.startswith("ok    flow “anything”: people are shown its reason_pattern, INC-[0-9]+")
    assert "reason_hint: The number of a ticket" in text


def test_with_words_or_without_an_expression_there_is_nothing_to_note() -> None:
    assert noted() == ""
    assert noted(reason_pattern="INC-[0-9]+", reason_hint="A ticket, such as INC-42") == ""
