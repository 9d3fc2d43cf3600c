"""Reasons for requests and denials, as people type them."""

from bot.access.errors import InvalidRequest
from bot.access.policy.model import LONGEST_REASON

_SHOWN = "\u200d\ufe0f"
"""Characters that join and colour emoji. Unicode calls them not printable."""


def checked_reason(text: str) -> str:
    """The reason on one line, without misleading characters. Raises `InvalidRequest` if it is too long to show."""
    # Control and direction characters could make the text look different from the typed one.
    reason = " ".join("".join(each for each in text if each.isprintable() or each in _SHOWN or each.isspace()).split())
    if len(reason) > LONGEST_REASON:
        raise InvalidRequest(f"The reason has {len(reason)} characters: at most {LONGEST_REASON} are shown to people.")
    return reason
