"""The form as data: its values, its newest change, and the reason from a message."""

import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as some

from bot.access.errors import RequestField
from bot.access.models.columns import CredentialKind
from bot.access.policy.access_flow import AccessFlow
from bot.access.policy.model import LONGEST_REASON
from bot.access.policy.reasons import checked_reason
from bot.access.requests.drafts import Draft, problems
from bot.sandbox.workspace.blockkit.blocks import check_view
from bot.slack.blocks.form import CUSTOM, FormValues, command_of, filled_with, request_form, spelled
from bot.slack.blocks.rich_text import middle_cut, shortened
from bot.slack.listeners.form_state import FormVersions, read_form
from bot.slack.listeners.message_shortcut import quoted
from tests.fakes import policy_of
from tests.shown import HOUR, POLICY, WIDE


def test_what_slack_sends_is_read_wherever_the_durations_stand() -> None:
    chosen = {"selected_option": {"value": CUSTOM}}
    fields = read_form(
        {
            "state": {
                "values": {
                    "patterns": {"patterns": {"selected_options": [{"value": "logs-*"}]}},
                    "duration-3600": {"duration": chosen},
                    "custom": {"custom": {"value": " 45m "}},
                    "permission": {"permission": {"selected_option": {"value": "write"}}},
                    "purpose": {"purpose": {"selected_option": {"value": "api_key"}}},
                    "reason": {"reason": {"value": None}},
                }
            }
        }
    )
    assert fields.patterns == ("logs-*",)
    assert fields.filled.draft == Draft("", "45m", "write", "", None, CredentialKind.API_KEY)
    assert fields.block_of(RequestField.DURATION) == "custom"
    assert fields.block_of(RequestField.CLUSTER) == "patterns", "a field that is not there"
    assert fields.block_of(None) == "patterns"


def test_a_form_that_somebody_forged_is_read_as_an_empty_one() -> None:
    assert read_form({"state": {"values": {}}}).filled == FormValues()


def test_an_older_change_never_overwrites_a_newer_one() -> None:
    versions, shown = FormVersions(), []

    def update(name: str) -> Any:
        def do(view_hash: str) -> str:
            shown.append((name, view_hash))
            return f"{view_hash}+"

        return do

    versions.record_change("V1", "1", "h0")
    versions.record_change("V1", "2", "h0")
    assert not versions.is_newest("V1", "1")
    versions.update_newest("V1", "2", "h0", update("second"))
    versions.update_newest("V1", "1", "h0", update("first"))
    assert shown == [("second", "h0")]


def test_a_quick_second_change_names_what_the_first_has_made() -> None:
    versions, shown = FormVersions(), []

    def update(view_hash: str) -> str:
        shown.append(view_hash)
        return f"{view_hash}+"

    versions.record_change("V1", "1", "h0")
    versions.update_newest("V1", "1", "h0", update)
    versions.record_change("V1", "2", "h0")
    versions.update_newest("V1", "2", "h0", update)
    assert shown == ["h0", "h0+"]


def test_every_problem_of_a_draft_stands_at_its_own_part() -> None:
    wrong = problems(WIDE, Draft("logs a", "never", "fly", "x" * 501))
    assert set(wrong) == {
        RequestField.CLUSTER,
        RequestField.PATTERNS,
        RequestField.DURATION,
        RequestField.PERMISSION,
        RequestField.REASON,
    }
    assert problems(POLICY, Draft("logs-*", "", "read")) == {}


def test_the_durations_end_with_the_limit_and_begin_with_the_usual() -> None:
    def offered(flow: AccessFlow | None, filled: FormValues) -> tuple[list[str], str]:
        blocks: Any = request_form(POLICY, filled, flow).to_dict()["blocks"]
        (element,) = [each["element"] for each in blocks if each["block_id"].startswith("duration")]
        return [each["value"] for each in element["options"]], element["initial_option"]["value"]

    short = AccessFlow(name="short", max_duration=HOUR / 2)
    assert offered(short, FormValues()) == (["15m", "30m", CUSTOM], "30m")
    assert offered(AccessFlow(name="x", max_duration=3 * HOUR, default_duration=2 * HOUR), FormValues()) == (
        ["15m", "30m", "1h", "2h", "3h", CUSTOM], "2h",
    )  # fmt: skip
    assert offered(None, FormValues(duration="50m"))[1] == "50m"
    assert offered(short, FormValues(duration="1d"))[1] == "30m", "more than the limit"
    assert offered(short, FormValues(duration="never"))[1] == "30m"


def test_a_duration_is_spelled_out() -> None:
    assert spelled(HOUR * 26.5) == "1 day 2 hours 30 minutes"


def test_what_stands_in_the_form_can_be_typed() -> None:
    draft = Draft("logs-*,metrics", "2h", "write", "INC-42", "prod", CredentialKind.API_KEY)
    assert command_of(filled_with(draft)) == "/es-access logs-*,metrics 2h write INC-42 --key --cluster prod"
    assert command_of(FormValues()) == "/es-access logs-* 1h"


@given(some.lists(some.text(min_size=1, max_size=255), max_size=30), some.text(max_size=2000), some.text(max_size=40))
def test_slack_takes_the_form_whatever_was_typed(patterns: list[str], reason: str, duration: str) -> None:
    filled = filled_with(Draft(",".join(patterns), duration, reason=reason))
    view = request_form(policy_of(), filled).to_dict()
    assert check_view(view, ("modal",)) == view


@given(some.text(max_size=4000))
def test_a_message_is_a_reason_within_the_limit_whatever_it_says(text: str) -> None:
    body = {
        "team": {"domain": "acme"},
        "channel": {"id": "C1"},
        "message": {"text": text, "ts": "1700000000.000100"},
    }
    reason = quoted(body)
    assert checked_reason(reason).endswith("https://acme.slack.com/archives/C1/p1700000000000100")
    assert len(reason) <= LONGEST_REASON


def test_a_message_is_quoted_without_its_markup_and_with_its_thread() -> None:
    body = {
        "team": {"domain": "acme"},
        "channel": {"id": "C1"},
        "message": {
            "text": "<@U1|bob> look at <https://x.y|the page> &amp; <!here> <#C2|general>",
            "ts": "2.0",
            "thread_ts": "1.0",
        },
    }
    assert quoted(body) == (
        "@bob look at the page https://x.y & @here #general https://acme.slack.com/archives/C1/p20?thread_ts=1.0&cid=C1"
    )


@given(some.text(max_size=400), some.integers(min_value=2, max_value=200))
def test_what_is_too_long_is_cut_within_the_limit(text: str, most: int) -> None:
    for cut in (shortened(text, most), middle_cut(text, most)):
        assert len(cut) <= most
        assert cut == text or "…" in cut


def test_a_text_is_cut_at_a_word_and_a_name_in_its_middle() -> None:
    assert shortened("one two three", 10) == "one two…"
    assert middle_cut("logs-web-2026.11.01", 11) == "logs-…11.01"


@pytest.mark.parametrize("text", ["<" * 40_000, "<a|" * 13_000])
def test_a_message_full_of_brackets_is_quoted_at_once(text: str) -> None:
    began = time.thread_time()
    assert quoted({"message": {"text": text}})
    assert time.thread_time() - began < 0.5
