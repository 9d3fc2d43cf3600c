"""Block Kit: validation by Slack's rules, and rendering as text."""
