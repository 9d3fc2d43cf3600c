"""The product's manifest with more in it: the workspace knows more of Slack than the product needs."""

from pathlib import Path

MANIFEST = Path(__file__).parents[2] / "manifest.yml"

_MORE = {
    "      - chat:write\n": "      - chat:write\n      - im:write\n",
    "home_tab_enabled: false": "home_tab_enabled: true",
    "    bot_events:\n": "    bot_events:\n      - app_home_opened\n",
}


def wider(directory: Path) -> Path:
    """A manifest in that folder with a Home tab, its event, and the scope to open conversations."""
    text = MANIFEST.read_text(encoding="utf-8")
    for here, more in _MORE.items():
        assert here in text, f"the manifest has no {here!r}"
        text = text.replace(here, more)
    path = directory / "manifest.yml"
    path.write_text(text, encoding="utf-8")
    return path
