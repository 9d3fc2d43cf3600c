"""Reasons, as people type them: of a request, and of a denial."""

from bot.access.errors import InvalidRequest
from bot.access.policy.model import LONGEST_REASON

_SHOWN = "\u200d\ufe0f"
"""Not printable by Unicode's word, and still part of what is seen: they join and colour emoji."""


def checked_reason(text: str) -> str:
    """The reason in one line, without what would mislead. Raises `InvalidRequest` for one that is too long to show."""
    # Control and direction characters could make somebody read something else than was typed.
    reason = " ".join("".join(each for each in text if each.isprintable() or each in _SHOWN or each.isspace()).split())
    if len(reason) > LONGEST_REASON:
        raise InvalidRequest(f"The reason has {len(reason)} characters: at most {LONGEST_REASON} are shown to people.")
    return reason
