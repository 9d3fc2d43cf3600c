"""Block Kit in the local workspace: refused where Slack refuses it, and rendered as a reader sees it."""

from collections.abc import Callable
from typing import Any

import pytest

from bot.sandbox.workspace import SlackError, SlackMessage, UnknownBlockError, View, render_text
from bot.sandbox.workspace.blockkit.blocks import check_message_blocks, check_view

Json = dict[str, Any]


def text(length: int, kind: str = "plain_text") -> Json:
    return {"type": kind, "text": "x" * length}


def section(length: int = 1, **more: Any) -> Json:
    return {"type": "section", "text": text(length, "mrkdwn"), **more}


def button(**more: Any) -> Json:
    return {"type": "button", "text": text(1), "action_id": "a", **more}


def actions(*elements: Json, **more: Any) -> Json:
    return {"type": "actions", "elements": list(elements), **more}


def select(count: int, **more: Any) -> Json:
    options = [{"text": text(1), "value": str(at)} for at in range(count)]
    return {"type": "static_select", "options": options, **more}


def modal(**more: Any) -> Json:
    return {"type": "modal", "title": text(24), "blocks": [section()], **more}


def numbered(count: int) -> list[Json]:
    return [button(action_id=str(at)) for at in range(count)]


def header(words: Json) -> Json:
    return {"type": "header", "text": words}


def rich(inline: Json) -> Json:
    return {"type": "rich_text", "elements": [{"type": "rich_text_section", "elements": [inline]}]}


NOT_OBJECTS: list[Any] = ["text"]
# Each row: accepted at the limit, refused beyond it, and the place that Slack's error names.
MESSAGE_LIMITS: list[tuple[str, list[Json], list[Json], str]] = [
    ("blocks", [section()] * 50, [section()] * 51, "/blocks"),
    ("section text", [section(3000)], [section(3001)], "/blocks/0/text/text"),
    ("header", [header(text(150))], [header(text(151))], "/blocks/0/text/text"),
    (
        "button text",
        [actions(button(text=text(75)))],
        [actions(button(text=text(76)))],
        "/blocks/0/elements/0/text/text",
    ),
    (
        "button value",
        [actions(button(value="x" * 2000))],
        [actions(button(value="x" * 2001))],
        "/blocks/0/elements/0/value",
    ),
    (
        "action_id",
        [actions(button(action_id="x" * 255))],
        [actions(button(action_id="x" * 256))],
        "/blocks/0/elements/0/action_id",
    ),
    ("block_id", [section(block_id="x" * 255)], [section(block_id="x" * 256)], "/blocks/0/block_id"),
    ("actions", [actions(*numbered(25))], [actions(*numbered(26))], "/blocks/0/elements"),
    (
        "context",
        [{"type": "context", "elements": [text(1)] * 10}],
        [{"type": "context", "elements": [text(1)] * 11}],
        "/blocks/0/elements",
    ),
    ("fields", [section(fields=[text(2000)] * 10)], [section(fields=[text(1)] * 11)], "/blocks/0/fields"),
    ("field text", [section(fields=[text(2000)])], [section(fields=[text(2001)])], "/blocks/0/fields/0/text"),
    ("options", [actions(select(100))], [actions(select(101))], "/blocks/0/elements/0/options"),
    ("block_id twice", [section(block_id="a")], [section(block_id="a")] * 2, "/blocks/1/block_id"),
    ("action_id twice", [actions(button())], [actions(button(), button())], "/blocks/0/elements/1/action_id"),
    ("same action_id elsewhere", [actions(button()), actions(button())], [actions()], "/blocks/0/elements"),
    ("empty text", [section(1)], [section(0)], "/blocks/0/text/text"),
    ("unknown block", [section()], [{"type": "nonsense"}], "/blocks/0"),
    ("unknown element", [actions(button())], [actions({"type": "nonsense"})], "/blocks/0/elements/0/type"),
    ("unknown key", [section()], [section(colour="red")], "/blocks/0"),
    ("misplaced element", [section(accessory=button())], [actions(text(1))], "/blocks/0/elements/0/type"),
    ("style", [actions(button(style="danger"))], [actions(button(style="red"))], "/blocks/0/elements/0/style"),
    ("mrkdwn in a header", [header(text(1))], [header(text(1, "mrkdwn"))], "/blocks/0/text/type"),
    ("missing text", [section()], [{"type": "section"}], "/blocks/0"),
    ("not an object", [section()], NOT_OBJECTS, "/blocks/0"),
    (
        "initial option",
        [actions(select(1, initial_option={"text": text(1), "value": "0"}))],
        [actions(select(1, initial_option={"text": text(1), "value": "9"}))],
        "/blocks/0/elements/0",
    ),
    (
        "confirm",
        [actions(button(confirm={"title": text(100), "text": text(300), "confirm": text(30), "deny": text(30)}))],
        [actions(button(confirm={"title": text(101), "text": text(300), "confirm": text(30), "deny": text(30)}))],
        "/blocks/0/elements/0/confirm/title/text",
    ),
    (
        "rich text",
        [rich({"type": "text", "text": "x"})],
        [rich({"type": "bold"})],
        "/blocks/0/elements/0/elements/0",
    ),
]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "taken", "refused", "pointer"), MESSAGE_LIMITS, ids=[row[0] for row in MESSAGE_LIMITS]
)
def test_a_message_is_refused_just_beyond_each_limit(
    name: str, taken: list[Json], refused: list[Json], pointer: str
) -> None:
    assert check_message_blocks(taken) == taken, name
    with pytest.raises(SlackError) as caught:
        check_message_blocks(refused)
    assert caught.value.code == "invalid_blocks"
    assert any(f"[json-pointer:{pointer}" in one for one in caught.value.details["errors"])


INPUT = {"type": "input", "label": text(1), "element": {"type": "plain_text_input"}}
VIEW_LIMITS: list[tuple[str, Json, Json]] = [
    ("blocks", modal(blocks=[section()] * 100), modal(blocks=[section()] * 101)),
    ("title", modal(), modal(title=text(25))),
    ("submit", modal(submit=text(24)), modal(submit=text(25))),
    ("close", modal(close=text(24)), modal(close=text(25))),
    ("private_metadata", modal(private_metadata="x" * 3000), modal(private_metadata="x" * 3001)),
    ("callback_id", modal(callback_id="x" * 255), modal(callback_id="x" * 256)),
    ("input without submit", modal(blocks=[INPUT], submit=text(1)), modal(blocks=[INPUT])),
    ("no title", modal(), {"type": "modal", "blocks": []}),
    ("home with a title", {"type": "home", "blocks": []}, {"type": "home", "blocks": [], "title": text(1)}),
    ("markdown in a view", modal(), modal(blocks=[{"type": "markdown", "text": "x"}])),
    ("unknown key", modal(), modal(colour="red")),
]


@pytest.mark.parametrize(("name", "taken", "refused"), VIEW_LIMITS, ids=[row[0] for row in VIEW_LIMITS])
def test_a_view_is_refused_just_beyond_each_limit(name: str, taken: Json, refused: Json) -> None:
    assert check_view(taken, ("modal", "home")) == taken, name
    with pytest.raises(SlackError, match="invalid_arguments"):
        check_view(refused, ("modal", "home"))


def test_a_view_over_250_kb_is_too_large() -> None:
    with pytest.raises(SlackError, match="view_too_large"):
        check_view(modal(blocks=[section(3000)] * 90), ("modal",))


def message(blocks: list[Json], fallback: str = "fallback") -> SlackMessage:
    return SlackMessage("D1", "1.000001", "U1", fallback, tuple(blocks))


def draw(*blocks: Json) -> str:
    return render_text(message(list(blocks)), "Europe/Paris", {"U1": "alice", "S1": "oncall", "C1": "general"})


def mrkdwn(said: str) -> Json:
    return {"type": "section", "text": {"type": "mrkdwn", "text": said}}


def test_a_message_is_drawn_block_by_block() -> None:
    drawn = draw(
        {"type": "header", "text": {"type": "plain_text", "text": "Request"}},
        {**mrkdwn("*Pattern*"), "fields": [{"type": "mrkdwn", "text": "a\nb"}, {"type": "plain_text", "text": "<c>"}]},
        {"type": "divider"},
        actions(button(text={"type": "plain_text", "text": "Approve"}), button(action_id="b")),
        {"type": "context", "elements": [{"type": "mrkdwn", "text": "REQ-1"}]},
    )
    assert drawn.splitlines() == ["REQUEST", "*Pattern*", "a b", "<c>", "─" * 40, "[ Approve ] [ x ]", "REQ-1"]


@pytest.mark.parametrize(
    ("said", "seen"),
    [
        ("&lt;!channel&gt; &amp; co", "<!channel> & co"),
        ("<@U1> in <#C1> for <!subteam^S1>", "@alice in #general for @oncall"),
        ("<!channel>", "@channel"),
        ("<https://x.example/a|here> <https://y.example>", "here (https://x.example/a) https://y.example"),
        # 1800000000 is 2027-01-15 08:00 UTC: 9:00 in Paris.
        ("<!date^1800000000^{date_short_pretty} at {time}|later>", "Jan 15, 2027 at 9:00 AM"),
        ("<!date^1800000000^{date_num} {time_secs}^https://x.example|later>", "2027-01-15 9:00:00 AM"),
    ],
)
def test_tokens_are_drawn_as_the_reader_sees_them(said: str, seen: str) -> None:
    assert draw(mrkdwn(said)) == seen
    assert render_text(message([], said), "Europe/Paris", {"U1": "alice", "S1": "oncall", "C1": "general"}) == seen


def test_rich_text_is_drawn_with_its_lists_and_quotes() -> None:
    def line(said: str) -> Json:
        return {"type": "rich_text_section", "elements": [{"type": "text", "text": said}]}

    drawn = draw(
        {
            "type": "rich_text",
            "elements": [
                line("one"),
                {"type": "rich_text_list", "style": "ordered", "elements": [line("two"), line("three")]},
                {"type": "rich_text_quote", "elements": [{"type": "user", "user_id": "U1"}]},
                {"type": "rich_text_preformatted", "elements": [{"type": "text", "text": "curl"}]},
            ],
        }
    )
    assert drawn.splitlines() == ["one", "1. two", "2. three", "> @alice", "curl"]


def test_a_form_is_drawn_with_its_fields_errors_and_buttons() -> None:
    field: Json = {
        "type": "input",
        "label": text(3),
        "element": {"type": "plain_text_input", "initial_value": "logs-*"},
    }
    body = modal(
        title={"type": "plain_text", "text": "Ask"}, blocks=[field], submit={"type": "plain_text", "text": "Send"}
    )
    view = View("V1", "U1", "1.1", body, "V1", errors={"b": "say more"})
    assert render_text(view, "Etc/UTC", {}).splitlines() == [
        "Ask",
        "─" * 40,
        "xxx: [ logs-* ]",
        "! say more",
        "[ Send ]",
    ]


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: draw({"type": "video"}),
        lambda: draw(actions({"type": "workflow_button"})),
        lambda: draw(mrkdwn("<!nonsense>")),
        lambda: draw(mrkdwn("<!date^1800000000^{nonsense}|x>")),
        lambda: draw({"type": "rich_text", "elements": [{"type": "nonsense", "elements": []}]}),
    ],
)
def test_what_cannot_be_drawn_is_not_left_out_in_silence(wrong: Callable[[], str]) -> None:
    with pytest.raises(UnknownBlockError):
        wrong()
