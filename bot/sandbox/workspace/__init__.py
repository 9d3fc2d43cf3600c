"""A local Slack workspace for tests and the demo: Slack's real protocols on 127.0.0.1."""

from bot.sandbox.workspace.blockkit.render import UnknownBlockError, render_text
from bot.sandbox.workspace.errors import SlackError
from bot.sandbox.workspace.faults import Faults
from bot.sandbox.workspace.interaction import NotShownError
from bot.sandbox.workspace.manifest import Manifest, ManifestError
from bot.sandbox.workspace.model import Call, Channel, Group, PayloadDelivery, SlackMessage, User, View
from bot.sandbox.workspace.workspace import Workspace

__all__ = [
    "Call",
    "Channel",
    "Faults",
    "Group",
    "Manifest",
    "ManifestError",
    "NotShownError",
    "PayloadDelivery",
    "SlackError",
    "SlackMessage",
    "UnknownBlockError",
    "User",
    "View",
    "Workspace",
    "render_text",
]
