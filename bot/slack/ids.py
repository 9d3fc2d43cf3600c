"""The names of commands, actions and views in Slack's payloads. A button's value is a request id and nothing else."""

COMMAND = "/es-access"

GROUP_EVENTS = ("subteam_members_changed", "subteam_updated", "subteam_created")
"""What Slack sends when a user group changes; the manifest asks for them."""

APPROVE = "approve"
DENY = "deny"
REVOKE = "revoke"
EXTEND = "extend"
RESET = "reset"
REVEAL = "reveal"
OFFER = "offer"
ACCEPT_OFFER = "accept_offer"
DECLINE_OFFER = "decline_offer"
CANCEL = "cancel"

REQUEST_VIEW = "request"
DENY_VIEW = "deny"
EXTEND_VIEW = "extend"
OFFER_VIEW = "offer"

CLUSTER = "cluster"
PATTERNS = "patterns"
DURATION = "duration"
PERMISSION = "permission"
NAMES = "names"
PURPOSE = "purpose"
REASON = "reason"
"""Blocks of the views; the element in each has the same name."""
