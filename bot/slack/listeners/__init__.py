"""Listeners: parse the payload, call the domain, reply."""
