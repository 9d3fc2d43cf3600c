"""An application that shows every block and element, also those es-access does not use, and records payloads."""

from typing import Any

from slack_bolt import App
from slack_sdk import WebClient

from bot.sandbox.workspace import Workspace

Json = dict[str, Any]

ASK, LOOK = "ask", "look"
"""The shortcuts in the manifest of the tests."""


def plain(text: str) -> Json:
    return {"type": "plain_text", "text": text}


def option(value: str, **more: Any) -> Json:
    return {"text": plain(value), "value": value, **more}


def field(name: str, element: Json, **more: Any) -> Json:
    return {"type": "input", "block_id": name, "label": plain(name), "element": {"action_id": name, **element}, **more}


def button(name: str, **more: Any) -> Json:
    return {"type": "button", "action_id": name, "text": plain(name), "value": name, **more}


CONFIRM = {
    "title": plain("Are you sure?"),
    "text": plain("It ends now."),
    "confirm": plain("End it"),
    "deny": plain("Keep it"),
}

COLOURS = [option("red"), option("blue")]

RICH = {
    "type": "rich_text",
    "elements": [
        {
            "type": "rich_text_section",
            "elements": [
                {"type": "text", "text": "bold", "style": {"bold": True}},
                {"type": "text", "text": " code", "style": {"code": True}},
                {"type": "date", "timestamp": 1_700_000_000, "format": "{date_long} at {time}", "fallback": "x"},
                {"type": "link", "url": "https://example.com/", "text": "a link"},
                {"type": "link", "url": "javascript:alert(1)", "text": "no link"},
                {"type": "emoji", "name": "wave", "unicode": "1f44b"},
            ],
        },
        {
            "type": "rich_text_list",
            "style": "bullet",
            "elements": [{"type": "rich_text_section", "elements": [{"type": "text", "text": "one of a list"}]}],
        },
        {"type": "rich_text_quote", "elements": [{"type": "text", "text": "a quote"}]},
        {"type": "rich_text_preformatted", "elements": [{"type": "text", "text": "<pre> & formatted"}]},
    ],
}

MESSAGE: list[Json] = [
    {"type": "header", "text": plain("Every block")},
    {
        "type": "section",
        "block_id": "said",
        "text": {"type": "mrkdwn", "text": "*strong* _slanted_ ~gone~ `code` &lt;b&gt; <!date^1700000000^{time}|x>"},
        "fields": [plain("left"), plain("right")],
        "accessory": {"type": "overflow", "action_id": "more", "options": [option("Copy"), option("Delete")]},
    },
    {"type": "divider"},
    {"type": "context", "elements": [{"type": "mrkdwn", "text": "in *context*"}]},
    RICH,
    {
        "type": "actions",
        "block_id": "act",
        "elements": [
            button("Plain"),
            button("End", style="danger", confirm=CONFIRM),
            {"type": "static_select", "action_id": "pick", "placeholder": plain("Pick one"), "options": COLOURS},
        ],
    },
    {"type": "image", "image_url": "https://example.com/cat.png", "alt_text": "a cat"},
]  # fmt: skip

GROUPS: list[Json] = [
    {"label": plain("Web"), "options": [option("logs-web"), option("logs-shop")]},
    {"label": plain("Hosts"), "options": [option("metrics-hosts", description=plain("of the platform team"))]},
]

FORM: Json = {
    "type": "modal",
    "callback_id": "form",
    "title": plain("Every element"),
    "submit": plain("Send"),
    "blocks": [
        field("index", {"type": "external_select", "min_query_length": 1}, hint=plain("Type a letter")),
        field("indices", {"type": "multi_external_select", "min_query_length": 0}, optional=True),
        field("colours", {"type": "multi_static_select", "options": COLOURS}, optional=True),
        field("kind", {"type": "radio_buttons", "options": [option("read"), option("write")]}, dispatch_action=True),
        field("boxes", {"type": "checkboxes", "options": [option("urgent"), option("quiet")]}, optional=True),
        field("until", {"type": "datetimepicker", "initial_date_time": 1_700_000_000}),
        field("day", {"type": "datepicker"}, optional=True),
        field("who", {"type": "users_select"}, optional=True),
        field("why", {"type": "plain_text_input", "multiline": True, "min_length": 3, "max_length": 20}),
        {"type": "actions", "block_id": "more", "elements": [button("Push")]},
    ],
}  # fmt: skip

LOADING: Json = {
    "type": "modal",
    "title": plain("One moment"),
    "blocks": [{"type": "section", "text": plain("Loading …")}],
}


class Gallery:
    """The application. `heard` contains the payloads, oldest first."""

    def __init__(self, workspace: Workspace) -> None:
        self.client = WebClient(token=workspace.bot_token, base_url=workspace.api_url, retry_handlers=[])
        self.heard: list[Json] = []
        self.app = App(client=self.client, signing_secret=workspace.signing_secret)
        self.app.shortcut(ASK)(self.ask)
        self.app.shortcut(LOOK)(self.keep)
        self.app.event("app_home_opened")(self.home)
        self.app.event("message")(self.keep)
        self.app.command("/es-access")(self.keep)
        self.app.view("form")(self.submitted)
        for name in ("index", "indices"):
            self.app.options(name)(self.offer)
        for name in ("Plain", "End", "pick", "more", "At home"):
            self.app.action(name)(self.keep)
        self.app.action("kind")(self.kind)
        self.app.action("Push")(self.push)

    def last(self, kind: str) -> Json:
        """The newest payload of that type."""
        return next(each for each in reversed(self.heard) if each.get("type") == kind)

    def keep(self, ack: Any, body: Any) -> None:
        self.heard.append(body)
        ack()

    def ask(self, ack: Any, body: Any) -> None:
        """Opens a modal at once and fills it afterwards, so that slow work happens while it is open."""
        self.keep(ack, body)
        opened: Any = self.client.views_open(trigger_id=body["trigger_id"], view=LOADING)
        self.client.views_update(view_id=opened["view"]["id"], view=FORM)

    def offer(self, ack: Any, body: Any) -> None:
        self.heard.append(body)
        found = [
            {**group, "options": [one for one in group["options"] if body["value"] in one["value"]]} for group in GROUPS
        ]
        ack(option_groups=[group for group in found if group["options"]] or GROUPS[:1])

    def kind(self, ack: Any, body: Any) -> None:
        """Replaces the form after a choice."""
        self.keep(ack, body)
        said = body["actions"][0]["selected_option"]["value"]
        note = {"type": "section", "block_id": "note", "text": plain(f"You chose {said}")}
        self.client.views_update(view_id=body["view"]["id"], view=FORM | {"blocks": [note, *FORM["blocks"]]})

    def push(self, ack: Any, body: Any) -> None:
        self.keep(ack, body)
        view = {"type": "modal", "title": plain("On top"), "blocks": [{"type": "section", "text": plain("Second")}]}
        self.client.views_push(trigger_id=body["trigger_id"], view=view)

    def submitted(self, ack: Any, body: Any, view: Any) -> None:
        self.heard.append(body)
        why = view["state"]["values"]["why"]["why"]["value"]
        ack(response_action="errors", errors={"why": "Say it better"}) if why == "because" else ack()

    def home(self, body: Any, event: Any) -> None:
        self.heard.append(body)
        if event["tab"] == "home":
            blocks = [
                {"type": "header", "text": plain("Your access")},
                {"type": "actions", "elements": [button("At home")]},
            ]
            self.client.views_publish(user_id=event["user"], view={"type": "home", "blocks": blocks})
