"""Every message and view equals its snapshot, and Slack accepts it.

`ES_ACCESS_NEW_SNAPSHOTS=1` writes new snapshots; read the difference before you commit it.
"""

import json
import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as some

from bot.access.models.messages import MessageKind
from bot.access.states import GrantState, RequestState
from bot.sandbox.workspace.blockkit.blocks import check_message_blocks, check_view
from bot.slack.blocks.content import MessageContent
from bot.slack.blocks.messages import message
from tests.shown import BOB, Shown, details, everything, grant, request

FOLDER = Path(__file__).parents[3] / "snapshots"

SHOWN = everything()

LONGEST_TEXT = 40_000
"""Characters of a message: Slack truncates longer ones (https://docs.slack.dev/reference/methods/chat.postMessage)."""


def as_json(shown: Shown) -> dict[str, Any]:
    """The JSON that Slack gets."""
    if isinstance(shown, MessageContent):
        return {"text": shown.text, "blocks": [each.to_dict() for each in shown.blocks]}
    return dict(shown.to_dict())


@pytest.mark.parametrize("name", SHOWN)
def test_what_is_shown_is_what_it_was(name: str) -> None:
    file = FOLDER / f"{name}.json"
    now = json.dumps(as_json(SHOWN[name]), indent=2, ensure_ascii=False, sort_keys=True) + "\n"
    if os.environ.get("ES_ACCESS_NEW_SNAPSHOTS"):
        FOLDER.mkdir(exist_ok=True)
        file.write_text(now, encoding="utf-8")
    assert file.read_text(encoding="utf-8") == now, f"{name}: see ES_ACCESS_NEW_SNAPSHOTS"


@pytest.mark.parametrize("name", SHOWN)
def test_slack_takes_what_is_shown(name: str) -> None:
    shown = as_json(SHOWN[name])
    if isinstance(SHOWN[name], MessageContent):
        assert check_message_blocks(shown["blocks"]) == shown["blocks"]
    else:
        assert check_view(shown, ("modal", "home")) == shown


def test_a_message_says_the_same_to_a_screen_reader() -> None:
    silent = [name for name, each in SHOWN.items() if isinstance(each, MessageContent) and not each.text]
    assert silent == ["answer-revealed"], "a secret is in no notification"


OF_THEIR_OWN = {
    MessageKind.NOTICE, MessageKind.OFFER, MessageKind.WARNING, MessageKind.THREAD, MessageKind.ASKED,
    MessageKind.BREAK_GLASS, MessageKind.OWNERSHIP,
}  # fmt: skip
"""Kinds that other builders make; the snapshots have examples of them."""


def test_no_notification_holds_a_secret() -> None:
    for name, each in SHOWN.items():
        if isinstance(each, MessageContent):
            assert "not-a-real-password" not in each.text, name
            assert "bm90OnJlYWw=" not in each.text, name


def test_no_snapshot_is_of_something_that_is_not_shown_any_more() -> None:
    assert {each.stem for each in FOLDER.glob("*.json")} == set(SHOWN)


@given(
    some.sampled_from(sorted(set(MessageKind) - OF_THEIR_OWN)),
    some.sampled_from(RequestState),
    some.none() | some.sampled_from(GrantState),
    some.lists(some.text(min_size=1, max_size=255), min_size=1, max_size=20),
    some.text(max_size=1000),
)
def test_slack_takes_every_message_whatever_was_typed(
    kind: MessageKind, state: RequestState, given_state: GrantState | None, patterns: list[str], typed: str
) -> None:
    asked = request(state, patterns=patterns, reason=typed, decision_reason=typed)
    given = grant(given_state, end_reason=typed) if given_state else None
    shown = message(kind, details(asked, given, yes=(BOB,)), BOB)
    blocks = [each.to_dict() for each in shown.blocks]
    assert check_message_blocks(blocks) == blocks
    assert len(shown.text) < LONGEST_TEXT
