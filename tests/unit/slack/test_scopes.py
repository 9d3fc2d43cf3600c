"""What a bot token may do, stolen or not."""

from pathlib import Path

import yaml

MANIFEST = Path(__file__).parents[3] / "manifest.yml"


def test_the_token_reads_no_message() -> None:
    """A stolen one finds no credential. Slack lets an app read messages with the scopes that end in `:history`."""
    scopes = yaml.safe_load(MANIFEST.read_text(encoding="utf-8"))["oauth_config"]["scopes"]
    assert scopes == {"bot": ["commands", "chat:write", "users:read", "users:read.email", "usergroups:read"]}
