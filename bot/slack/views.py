"""The windows that open at a click: the request form, the reason of a denial, the length of an extension."""

from slack_sdk.models.blocks import InputBlock, Option, PlainTextInputElement, StaticSelectElement
from slack_sdk.models.views import View

from bot.access.durations import format_duration
from bot.access.policy import LONGEST_REASON, Policy
from bot.slack import ids
from bot.slack.words import block

_LONGEST_PATTERNS = 3000
"""Characters of the element, Slack's limit; what is allowed is checked when the form is sent."""

_MOST_OPTIONS = 100
"""Slack's limit for a select."""

_LONGEST_DURATION = 20
"""Characters."""


def request_form(policy: Policy) -> View:
    """Everything that a command can say, as a form. The cluster is asked for where there are several."""
    clusters = [_option(each.name) for each in policy.integrations[:_MOST_OPTIONS]]
    permissions = [_option(each.name) for each in policy.permissions[:_MOST_OPTIONS]]
    return View(
        type="modal",
        callback_id=ids.REQUEST_VIEW,
        title="Ask for access",
        submit="Ask",
        close="Cancel",
        blocks=[
            *([_choice(ids.CLUSTER, "Cluster", clusters)] if len(clusters) > 1 else []),
            InputBlock(
                block_id=ids.PATTERNS,
                label="Indices, data streams or aliases",
                hint="Names or wildcards, separated by commas",
                element=PlainTextInputElement(
                    action_id=ids.PATTERNS, placeholder="logs-*,metrics-*", max_length=_LONGEST_PATTERNS
                ),
            ),
            _duration_input(f"For how long, at most {format_duration(policy.longest)}", "1h"),
            _choice(ids.PERMISSION, "Permission", permissions),
            _reason_input("Reason, for the owners"),
        ],
    )


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
    """Asks a requester for how much longer."""
    return View(
        type="modal",
        callback_id=ids.EXTEND_VIEW,
        private_metadata=grant_id,
        title=f"Extend {grant_id}",
        submit="Ask",
        close="Back",
        blocks=[
            block([("An owner has to approve it. Your password stays the same.",)]),
            _duration_input("For how much longer", "1h"),
        ],
    )


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


def _choice(name: str, label: str, options: list[Option]) -> InputBlock:
    element = StaticSelectElement(action_id=name, options=options, initial_option=options[0])
    return InputBlock(block_id=name, label=label, element=element)


def _option(name: str) -> Option:
    return Option(text=name, value=name)
