"""The objects of a workspace. Each is a snapshot: a change makes a new object."""

from dataclasses import dataclass, field
from typing import Any

JsonObject = dict[str, Any]


@dataclass(frozen=True)
class User:
    id: str
    name: str
    email: str
    real_name: str
    tz: str
    deleted: bool = False
    is_bot: bool = False
    is_guest: bool = False
    team: str = ""
    """The home workspace of a person from another one; empty for members of this one."""
    organisation: str = ""
    """The Enterprise Grid organisation of a person from another workspace."""


@dataclass(frozen=True)
class Group:
    id: str
    handle: str
    members: tuple[str, ...]
    deleted: bool = False


@dataclass(frozen=True)
class Channel:
    """A channel or, if `user` is set, the direct message between that user and the app."""

    id: str
    name: str
    members: frozenset[str]
    user: str | None = None

    @property
    def is_im(self) -> bool:
        return self.user is not None


@dataclass(frozen=True)
class Version:
    """The content of a message before an edit."""

    text: str
    blocks: tuple[JsonObject, ...]


@dataclass(frozen=True)
class SlackMessage:
    """A message. `author` is a user id, `edited` the ts of the last edit, `only_for` the reader of an ephemeral one."""

    channel: str
    ts: str
    author: str
    text: str
    blocks: tuple[JsonObject, ...] = ()
    thread_ts: str | None = None
    edited: str | None = None
    deleted: bool = False
    only_for: str | None = None
    history: tuple[Version, ...] = ()

    @property
    def is_ephemeral(self) -> bool:
        return self.only_for is not None


@dataclass(frozen=True)
class View:
    """A modal or Home tab: `body` is the app's view with missing ids added."""

    id: str
    user: str
    hash: str
    body: JsonObject
    root_id: str
    previous_id: str | None = None
    errors: dict[str, str] = field(default_factory=dict)
    values: JsonObject = field(default_factory=dict)

    @property
    def type(self) -> str:
        return str(self.body["type"])

    @property
    def title(self) -> str:
        return str(self.body.get("title", {}).get("text", ""))

    @property
    def blocks(self) -> tuple[JsonObject, ...]:
        return tuple(self.body["blocks"])

    @property
    def callback_id(self) -> str:
        return str(self.body.get("callback_id", ""))

    @property
    def private_metadata(self) -> str:
        return str(self.body.get("private_metadata", ""))

    @property
    def external_id(self) -> str:
        return str(self.body.get("external_id", ""))


@dataclass
class PayloadDelivery:
    """One payload sent to the app. `started` is Unix seconds; `ack_seconds` counts from sending.

    Without a valid acknowledgement, `error` is Slack's code and `shown` the sentence that the person sees.
    `late_ack_seconds` is set when the answer came after Slack had given up (3 s); `attempts` includes retries.
    """

    kind: str
    payload: JsonObject
    envelope_id: str = ""
    ack_seconds: float | None = None
    ack_body: Any = None
    late_ack_seconds: float | None = None
    error: str | None = None
    shown: str | None = None
    status: int | None = None
    attempts: int = 0
    connection: str | None = None
    started: float = 0.0

    @property
    def acknowledged(self) -> bool:
        return self.ack_seconds is not None


@dataclass(frozen=True)
class Call:
    """One request the app made. `method` is a Web API method or `response_url`; `started` is Unix seconds."""

    method: str
    payload: JsonObject
    answer: JsonObject | None
    status: int | None
    started: float
    seconds: float
