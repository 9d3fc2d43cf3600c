"""Slack: what people type, click and read."""
