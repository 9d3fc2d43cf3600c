"""The modals that open at a click: the reason of a denial, the length of an extension, a revealed secret."""

from collections.abc import Sequence

from slack_sdk.models.blocks import Block, InputBlock, PlainTextInputElement
from slack_sdk.models.views import View

from bot.access.policy.model import LONGEST_REASON
from bot.slack import ids
from bot.slack.blocks.rich_text import block

_LONGEST_DURATION = 20
"""Characters."""


def deny_form(request_id: str) -> View:
    """Asks an owner for an optional reason."""
    return View(
        type="modal",
        callback_id=ids.DENY_VIEW,
        private_metadata=request_id,
        title=f"Deny {request_id}",
        submit="Deny",
        close="Back",
        blocks=[_reason_input("Reason, for the requester")],
    )


def extend_form(grant_id: str) -> View:
    """Asks a requester for the additional duration."""
    return View(
        type="modal",
        callback_id=ids.EXTEND_VIEW,
        private_metadata=grant_id,
        title=f"Extend {grant_id}",
        submit="Ask",
        close="Back",
        blocks=[
            block([("An owner has to approve it. A password stays the same; an API key is replaced by a new one.",)]),
            _duration_input("For how much longer", "1h"),
        ],
    )


def making() -> View:
    """Opens at the click on Reveal, while the secret is being made."""
    return shown([block([("Making your credential…",)])])


def shown(blocks: Sequence[Block]) -> View:
    """Shows the secret, or an error, in that modal."""
    return View(type="modal", title="Your credential", close="Close", blocks=list(blocks))


def refused(blocks: Sequence[Block]) -> View:
    """Shows a refusal in place of the form."""
    return View(type="modal", title="Not allowed", close="Close", blocks=list(blocks))


def _duration_input(label: str, initial: str) -> InputBlock:
    return InputBlock(
        block_id=ids.DURATION,
        label=label,
        hint="Such as 30m, 1h, 2h30m or 1d",
        element=PlainTextInputElement(action_id=ids.DURATION, initial_value=initial, max_length=_LONGEST_DURATION),
    )


def _reason_input(label: str) -> InputBlock:
    return InputBlock(
        block_id=ids.REASON,
        label=label,
        optional=True,
        element=PlainTextInputElement(action_id=ids.REASON, multiline=True, max_length=LONGEST_REASON),
    )
