"""Reasons for requests and denials, as people type them."""

from collections.abc import Iterator

from bot.access.errors import InvalidRequest
from bot.access.policy.access_flow import AccessFlow
from bot.access.policy.expressions import occurs
from bot.access.policy.model import LONGEST_REASON

_SHOWN = "\u200d\ufe0f"
"""Characters that join and colour emoji. Unicode calls them not printable."""

EXAMPLE_REASONS = (
    "fixing INC-42", "fixing INC-1234567", "fixing ABC-1234", "fixing #1234", "https://tickets.example.com/1234",
    "looking around",
)  # fmt: skip
"""Reasons as people type them."""


def checked_reason(text: str) -> str:
    """The reason on one line, without misleading characters. Raises `InvalidRequest` if it is too long to show."""
    # Control and direction characters could make the text look different from the typed one.
    reason = " ".join("".join(each for each in text if each.isprintable() or each in _SHOWN or each.isspace()).split())
    if len(reason) > LONGEST_REASON:
        raise InvalidRequest(f"The reason has {len(reason)} characters: at most {LONGEST_REASON} are shown to people.")
    return reason


def accepts_reason(flow: AccessFlow, reason: str) -> bool:
    """Whether a request under the flow may have this reason, or with an empty text none."""
    if not reason:
        return not flow.needs_reason
    return flow.reason_pattern is None or occurs(flow.reason_pattern, reason)


def example_reason(flow: AccessFlow) -> str | None:
    """A reason that the flow accepts, perhaps a word of its hint; `None` if none is known."""
    return next((each for each in (*EXAMPLE_REASONS, *_hinted(flow)) if accepts_reason(flow, each)), None)


def _hinted(flow: AccessFlow) -> Iterator[str]:
    for word in (flow.reason_hint or "").split():
        bare = word.strip(".,;:()“”\"'")
        yield from (f"fixing {bare}", bare) if bare else ()
