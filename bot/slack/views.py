"""The windows that open at a click: the request form, the reason of a denial, the length of an extension."""

from collections.abc import Mapping, Sequence

from slack_sdk.models.blocks import Block, InputBlock, Option, PlainTextInputElement, StaticSelectElement
from slack_sdk.models.views import View

from bot.access.durations import format_duration
from bot.access.models import CredentialKind
from bot.access.policy import LONGEST_REASON, Policy
from bot.slack import ids
from bot.slack.words import block

_LONGEST_PATTERNS = 3000
"""Characters of the element, Slack's limit; what is allowed is checked when the form is sent."""

_MOST_OPTIONS = 100
"""Slack's limit for a select."""

_LONGEST_DURATION = 20
"""Characters."""

_PURPOSES: Mapping[CredentialKind, str] = {
    CredentialKind.PASSWORD: "Kibana or people (password)",
    CredentialKind.API_KEY: "A script (API key)",
}


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
            *_purpose(policy),
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
            block([("An owner has to approve it. A password stays the same; an API key is replaced by a new one.",)]),
            _duration_input("For how much longer", "1h"),
        ],
    )


def making() -> View:
    """Opens at the click on Reveal, before there is anything to show."""
    return shown([block([("Making your credential…",)])])


def shown(blocks: Sequence[Block]) -> View:
    """What came of it."""
    return View(type="modal", title="Your credential", close="Close", blocks=list(blocks))


def _purpose(policy: Policy) -> list[InputBlock]:
    """What it is for, where there is a choice. What the access flow gives is chosen already."""
    flows = [each for each in policy.access_flows if not each.deny and not each.automatic]
    offered = {kind for flow in flows for kind in flow.credentials}
    usual = {flow.credentials[0] for flow in flows}
    if len(offered) == 1 or not flows:
        return []
    first = [] if len(usual) == 1 else [Option(text="What the access flow gives", value="default")]
    kinds = sorted(CredentialKind, key=lambda kind: kind not in usual)
    options = [Option(text=_PURPOSES[kind], value=kind.value) for kind in kinds]
    return [_choice(ids.PURPOSE, "For", [*first, *options])]


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
