"""The Slack app manifest. The app's permissions in this workspace come from the file that installs it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

Section = dict[str, Any]


@dataclass(frozen=True)
class Shortcut:
    """An entry in Slack's shortcuts menu: `kind` is "global" or "message"."""

    name: str
    callback_id: str
    kind: str


class ManifestError(ValueError):
    """The manifest is invalid; the message says where and why."""


@dataclass(frozen=True)
class Manifest:
    """The app's features and permissions: https://docs.slack.dev/reference/app-manifest."""

    name: str
    bot_name: str
    commands: frozenset[str]
    scopes: frozenset[str]
    events: frozenset[str]
    socket_mode: bool
    interactive: bool
    home_tab: bool
    messages_tab: bool
    messages_read_only: bool
    shortcuts: tuple[Shortcut, ...] = ()
    usage: Mapping[str, str] = field(default_factory=dict)
    """The hint that Slack shows while each command is typed."""

    @classmethod
    def load(cls, path: Path) -> "Manifest":
        """Read the file at `path`; ManifestError when Slack would refuse it."""
        try:
            document = yaml.safe_load(path.read_text(encoding="utf-8"))
        except yaml.YAMLError as error:
            raise ManifestError(f"{path.name}: {error}") from error
        if not isinstance(document, dict):
            raise ManifestError(f"{path.name}: the document must be a mapping")
        return cls.parse(document)

    @classmethod
    def parse(cls, document: Section) -> "Manifest":
        """Read the parts that the workspace uses; ManifestError when a required one is missing."""
        features, settings = _section(document, "features"), _section(document, "settings")
        home = _section(features, "app_home")
        scopes = frozenset(_section(document, "oauth_config", "scopes").get("bot", []))
        manifest = cls(
            name=_required(_section(document, "display_information"), "name"),
            bot_name=_required(_section(features, "bot_user"), "display_name"),
            commands=frozenset(_command(entry) for entry in features.get("slash_commands", [])),
            scopes=scopes,
            events=frozenset(_section(settings, "event_subscriptions").get("bot_events", [])),
            socket_mode=settings.get("socket_mode_enabled") is True,
            interactive=_section(settings, "interactivity").get("is_enabled") is True,
            home_tab=home.get("home_tab_enabled") is True,
            messages_tab=home.get("messages_tab_enabled") is True,
            messages_read_only=home.get("messages_tab_read_only_enabled") is True,
            shortcuts=tuple(_shortcut(entry) for entry in features.get("shortcuts", [])),
            usage={entry["command"]: str(entry.get("usage_hint", "")) for entry in features.get("slash_commands", [])},
        )
        if manifest.commands and "commands" not in scopes:
            raise ManifestError("slash_commands need the bot scope `commands`")
        return manifest


def _command(entry: Section) -> str:
    command = _required(entry, "command")
    if not command.startswith("/"):
        raise ManifestError(f"a slash command starts with /, unlike {command!r}")
    if entry.get("should_escape"):
        raise ManifestError("this workspace delivers commands as typed: should_escape must be false")
    _required(entry, "description")
    return command


def _shortcut(entry: Section) -> Shortcut:
    kind = _required(entry, "type")
    if kind not in ("global", "message"):
        raise ManifestError(f"a shortcut is of type global or message, not {kind!r}")
    _required(entry, "description")
    return Shortcut(_required(entry, "name"), _required(entry, "callback_id"), kind)


def _section(document: Section, *path: str) -> Section:
    found: Any = document
    for name in path:
        found = found.get(name, {})
        if not isinstance(found, dict):
            raise ManifestError(f"{'.'.join(path)} must be a mapping")
    return dict(found)


def _required(section: Section, name: str) -> str:
    value = section.get(name)
    if not isinstance(value, str) or not value:
        raise ManifestError(f"{name} is missing")
    return value
