"""Which payloads the inbox keeps, under which id, and what of them."""

from typing import Any

import pytest

from bot.slack import ids
from bot.slack.intake.payloads import asks_for_something, entry_id, person_of, stored_part

CLICK = {
    "type": "block_actions", "token": "T", "trigger_id": "1.2", "user": {"id": "U1"},
    "actions": [{"action_id": ids.REVOKE, "value": "REQ-7K3F9Q", "action_ts": "1"}],
}  # fmt: skip


@pytest.mark.parametrize(
    ("body", "kept"),
    [
        ({"command": ids.COMMAND}, True),
        (CLICK, True),
        ({"type": "shortcut"}, True),
        ({"type": "block_actions", "actions": [{"action_id": ids.PATTERNS}]}, False),
        ({"type": "block_actions", "actions": [{"action_id": f"{ids.TURN}-mine-after"}]}, False),
        ({"type": "event_callback", "event": {"type": "app_home_opened"}}, False),
        ({"type": "event_callback", "event": {"type": "subteam_updated"}}, True),
    ],
)
def test_only_what_asks_for_something_is_kept(body: dict[str, Any], kept: bool) -> None:
    assert asks_for_something(body) is kept


def test_a_copy_has_the_same_id_and_a_second_click_another() -> None:
    assert entry_id(CLICK) == entry_id(CLICK | {"token": "another"})
    assert entry_id(CLICK) != entry_id(CLICK | {"trigger_id": "1.3"})
    assert entry_id({"event_id": "E1", "type": "event_callback"}) != entry_id({"event_id": "E2"})
    assert entry_id({"command": "/x", "text": "a"}) != entry_id({"command": "/x", "text": "b"})
    assert "1.2" not in entry_id(CLICK)


def test_no_secret_is_stored() -> None:
    secret = {"text": "Password: hunter2", "blocks": [{"text": "Password: hunter2"}]}
    for kind in ("block_actions", "message_action"):
        kept = stored_part(CLICK | {"type": kind, "message": secret, "view": {"id": "V1", "blocks": secret["blocks"]}})
        if kind == "block_actions":
            assert kept["view"] == {"id": "V1"}
            assert "hunter2" not in str(kept)
        assert "token" not in kept
        assert "message" not in kept
        assert kept["actions"] == CLICK["actions"]


def test_a_person_too_long_for_the_column_is_nobody() -> None:
    assert [person_of(each) for each in ("U1", "U" * 33, "", None)] == ["U1", None, None, None]
