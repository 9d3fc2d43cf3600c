"""The ids of commands, actions and views in Slack's payloads. The value of a button is a request id alone."""

COMMAND = "/es-access"

GROUP_EVENTS = ("subteam_members_changed", "subteam_updated", "subteam_created")
"""The events of a changed user group; the manifest subscribes to them."""

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
"""Actions of the Home tab. The value is the key of a favourite; for `REVOKE_ALL` it is the time the tab was drawn."""

REQUEST_VIEW = "request"
DENY_VIEW = "deny"
EXTEND_VIEW = "extend"
OFFER_VIEW = "offer"

ASK_SHORTCUT = "ask"
ASK_ABOUT_SHORTCUT = "ask_about"
"""A global shortcut and a message shortcut; the manifest declares them."""

CLUSTER = "cluster"
PATTERNS = "patterns"
DURATION = "duration"
PERMISSION = "permission"
NAMES = "names"
PURPOSE = "purpose"
EMERGENCY = "emergency"
REASON = "reason"
"""Blocks of the views; the element in each has the same id."""

CUSTOM = "custom"
"""The text field for a duration that the menu does not offer."""
