"""The product's manifest with additions: the workspace supports more of Slack than the product needs."""

from pathlib import Path

MANIFEST = Path(__file__).parents[2] / "manifest.yml"

_MORE = {
    "      - chat:write\n": "      - chat:write\n      - im:write\n      - im:history\n",
    "oauth_config:\n": """    - name: Look closer
      type: message
      callback_id: look
      description: About this message
oauth_config:
""",
    "    bot_events:\n": "    bot_events:\n      - message.im\n",
}


def wider(directory: Path) -> Path:
    """Writes a manifest with another shortcut and with the events and scopes of conversations into that folder."""
    text = MANIFEST.read_text(encoding="utf-8")
    for here, more in _MORE.items():
        assert here in text, f"the manifest has no {here!r}"
        text = text.replace(here, more)
    path = directory / "manifest.yml"
    path.write_text(text, encoding="utf-8")
    return path
