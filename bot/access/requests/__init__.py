"""Requests: drafts, routing, filing, approvals, counter-offers, break-glass and extensions."""
