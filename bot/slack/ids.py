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
REVIEWED = "reviewed"

HOME_ASK = "home_ask"
ASK_AGAIN = "ask_again"
ASK_FAVOURITE = "ask_favourite"
SAVE_FAVOURITE = "save_favourite"
REMOVE_FAVOURITE = "remove_favourite"
REVOKE_ALL = "revoke_all"
TURN = "turn"
"""Of the Home tab. A favourite is known by its key, and “all” by the time of the question."""

REQUEST_VIEW = "request"
DENY_VIEW = "deny"
EXTEND_VIEW = "extend"
OFFER_VIEW = "offer"

ASK_SHORTCUT = "ask"
ASK_ABOUT_SHORTCUT = "ask_about"
"""Of the menu of shortcuts, and of the menu of a message; the manifest names them."""

CLUSTER = "cluster"
PATTERNS = "patterns"
DURATION = "duration"
PERMISSION = "permission"
NAMES = "names"
PURPOSE = "purpose"
EMERGENCY = "emergency"
REASON = "reason"
"""Blocks of the views; the element in each has the same name."""

CUSTOM = "custom"
"""The field for a duration that is not among those to choose from."""
