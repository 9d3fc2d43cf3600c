"""The manifest of the Slack app, for Socket Mode or for HTTP."""

from typing import Any
from urllib.parse import urlsplit

import yaml

from bot.setup.texts import read_text

MANIFEST = "manifest.yml"

EVENTS_PATH = "/slack/events"
"""Where Slack posts everything in HTTP mode."""


class NotPublicError(ValueError):
    """Slack could not post to that address; the message is a sentence."""


def socket_mode_manifest() -> str:
    """The manifest as it stands in the project, with its comments."""
    return read_text(MANIFEST)


def http_manifest(address: str) -> str:
    """The manifest for HTTP, with the address wherever Slack wants it. Raises `NotPublicError`."""
    url = _events_url(address)
    manifest: dict[str, Any] = yaml.safe_load(read_text(MANIFEST))
    settings = manifest["settings"]
    settings["socket_mode_enabled"] = False
    for command in manifest["features"]["slash_commands"]:
        command["url"] = url
    settings["event_subscriptions"]["request_url"] = url
    # Slack asks a second address for the entries of a search.
    settings["interactivity"] |= {"request_url": url, "message_menu_options_url": url}
    return yaml.safe_dump(manifest, sort_keys=False, allow_unicode=True, width=120)


def _events_url(address: str) -> str:
    parts = urlsplit(address.strip())
    if parts.scheme != "https" or not parts.hostname:
        raise NotPublicError(f"Slack posts to an address that begins with https://, and {address!r} does not.")
    if parts.query or parts.fragment:
        raise NotPublicError("The address must have no ? and no #.")
    path = parts.path.rstrip("/")
    return f"https://{parts.netloc}{path if path.endswith(EVENTS_PATH) else path + EVENTS_PATH}"
