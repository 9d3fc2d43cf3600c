"""Slack's Web API over HTTP: its methods, rate limits and response_urls."""
