"""The request form: its values, and its view. Pure.

A field keeps its block id, so that Slack keeps its input. The field for durations gets another id with another limit.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

from slack_sdk.models.blocks import (
    Block,
    CheckboxesElement,
    ExternalDataMultiSelectElement,
    InputBlock,
    Option,
    PlainTextInputElement,
    StaticSelectElement,
)
from slack_sdk.models.views import View

from bot.access.durations import LONGEST, format_duration, parse_duration
from bot.access.errors import AccessError
from bot.access.models.columns import CredentialKind
from bot.access.policy.access_flow import AccessFlow
from bot.access.policy.model import LONGEST_REASON, Policy
from bot.access.policy.patterns import MOST_PATTERNS
from bot.access.policy.value_types import LONGEST_HINT
from bot.access.policy.visibility import offered_permissions
from bot.access.requests.drafts import Draft
from bot.slack import ids
from bot.slack.blocks.options import MOST_OPTIONS, option_of
from bot.slack.blocks.rich_text import Line, block, middle_cut, shortened

CUSTOM = "custom"
"""The value of the option for a typed duration."""

_PRESETS = tuple(
    timedelta(minutes=minutes) for minutes in (15, 30, 60, 2 * 60, 4 * 60, 8 * 60, 24 * 60, 3 * 24 * 60, 7 * 24 * 60)
)
"""The usual durations, from a quick look to a week on a project."""

_USUAL = timedelta(hours=1)

_LONGEST_TYPED = 20
"""Characters of a duration."""

_LONGEST_OPTION = 75
"""Characters of an option's text, Slack's limit."""

BY_FLOW = "default"
"""The value of the option that leaves the credential to the access flow."""

_PURPOSES = {
    CredentialKind.OWN_ACCOUNT: "Kibana, with my own account",
    CredentialKind.PASSWORD: "Kibana or people (password)",
    CredentialKind.API_KEY: "A script (API key)",
}


@dataclass(frozen=True)
class FormValues:
    """The values of the form. `duration` is the value of an option, such as `CUSTOM`, or empty for the default."""

    cluster: str | None = None
    patterns: tuple[str, ...] = ()
    permission: str = "read"
    duration: str = ""
    custom: str = ""
    kind: CredentialKind | None = None
    reason: str = ""
    break_glass: bool = False

    @property
    def draft(self) -> Draft:
        """The draft that the same values would make as a command."""
        duration = self.custom.strip() if self.duration == CUSTOM else self.duration
        return Draft(
            ",".join(self.patterns), duration, self.permission, self.reason, self.cluster, self.kind,
            break_glass=self.break_glass,
        )  # fmt: skip


def filled_with(draft: Draft | None) -> FormValues:
    """The values of the form for a draft."""
    if draft is None:
        return FormValues()
    return FormValues(
        draft.integration,
        tuple(each for each in draft.patterns.split(",") if each)[:MOST_PATTERNS],
        draft.permission,
        draft.duration,
        kind=draft.kind,
        reason=shortened(draft.reason, LONGEST_REASON),
        break_glass=draft.break_glass,
    )


def command_of(filled: FormValues) -> str:
    """The command with the same values."""
    draft = filled.draft
    words = [
        draft.patterns or "logs-*", draft.duration or "1h",
        *([draft.permission, draft.reason] if draft.reason or draft.permission != "read" else []),
        *([draft.kind.option] if draft.kind in {CredentialKind.API_KEY, CredentialKind.OWN_ACCOUNT} else []),
        *(["--break-glass"] if draft.break_glass else []),
        *(["--cluster", draft.integration] if draft.integration else []),
    ]  # fmt: skip
    return " ".join(["/es-access", *words]).strip()


def request_form(policy: Policy, filled: FormValues, flow: AccessFlow | None = None, said: Sequence[Line] = ()) -> View:
    """The form. `flow` is its access flow, once that is known; `said` are the lines of the preview."""
    clusters = [each.name for each in policy.integrations[:MOST_OPTIONS]]
    offered = {*offered_permissions(policy, lambda _requesters: True), filled.permission}
    permissions = [each.name for each in policy.permissions if each.name in offered][:MOST_OPTIONS]
    blocks: list[Block | None] = [
        _choice(ids.CLUSTER, "Cluster", clusters, filled.cluster) if len(clusters) > 1 else None,
        _patterns(filled.patterns),
        block(said) if said else None,
        _choice(ids.PERMISSION, "Permission", permissions, filled.permission),
        *_durations(flow.max_duration if flow else policy.longest, filled, flow),
        _purpose(policy, filled),
        _reason(policy, filled, flow),
        _emergency(policy, chosen=filled.break_glass),
    ]
    return View(
        type="modal",
        callback_id=ids.REQUEST_VIEW,
        title="Ask for access",
        submit="Ask",
        close="Cancel",
        blocks=[each for each in blocks if each is not None],
    )


def _patterns(patterns: Sequence[str]) -> InputBlock:
    element = ExternalDataMultiSelectElement(
        action_id=ids.PATTERNS,
        placeholder="Type a part of a name, or a wildcard such as logs-*",
        min_query_length=0,
        max_selected_items=MOST_PATTERNS,
        initial_options=[option_of(each) for each in patterns] or None,
    )
    return InputBlock(
        block_id=ids.PATTERNS, label="Indices, data streams or aliases", element=element, dispatch_action=True
    )


def _durations(limit: timedelta, filled: FormValues, flow: AccessFlow | None) -> list[Block]:
    """The menu of durations up to `limit`, and the field for another duration if that option is chosen."""
    chosen = _chosen(filled.duration, limit, flow)
    named = [chosen] if isinstance(chosen, timedelta) else []
    fitting = sorted({each for each in (*_PRESETS, *named, limit) if timedelta(0) < each <= limit})
    options = [Option(text=spelled(each), value=format_duration(each)) for each in fitting]
    options.append(Option(text="Another duration…", value=CUSTOM))
    wanted = CUSTOM if chosen is None else format_duration(chosen)
    first = next((each for each in options if each.value == wanted), options[0])
    element = StaticSelectElement(action_id=ids.DURATION, options=options, initial_option=first)
    # Another limit gets another block id: Slack would keep the old input, which may exceed the new limit.
    name = f"{ids.DURATION}-{int(limit.total_seconds())}"
    label = f"For how long, at most {format_duration(limit)}"
    choice = InputBlock(block_id=name, label=label, element=element, dispatch_action=True)
    return [choice, _custom(filled.custom)] if chosen is None else [choice]


def _chosen(duration: str, limit: timedelta, flow: AccessFlow | None) -> timedelta | None:
    """The duration that is selected first; `None` for a typed one."""
    if duration == CUSTOM:
        return None
    usual = min((flow.default_duration if flow else None) or _USUAL, limit)
    try:
        wanted = parse_duration(duration, LONGEST) if duration else usual
    except AccessError:
        return usual
    return wanted if wanted <= limit else usual


def _custom(typed: str) -> InputBlock:
    return InputBlock(
        block_id=ids.CUSTOM,
        label="Duration",
        hint="Such as 45m, 2h30m or 1d",
        element=PlainTextInputElement(
            action_id=ids.CUSTOM, initial_value=typed[:_LONGEST_TYPED] or None, max_length=_LONGEST_TYPED
        ),
    )


def _purpose(policy: Policy, filled: FormValues) -> InputBlock | None:
    """The kind of credential, if there is a choice. The default is the one of the access flow."""
    chosen_cluster = policy.find_integration(filled.cluster or "")
    about = [chosen_cluster] if chosen_cluster else policy.integrations
    flows = [each for each in policy.access_flows if each.usual]
    given = [kinds for flow in flows for each in about if flow.is_for(each.name) and (kinds := each.kinds(flow))]
    offered, usual = {kind for kinds in given for kind in kinds}, {kinds[0] for kinds in given}
    if len(offered) < 2:
        return None
    kind = filled.kind
    first = [] if len(usual) == 1 else [Option(text="What the access flow gives", value=BY_FLOW)]
    ordered = sorted((each for each in CredentialKind if each in offered), key=lambda kind: kind not in usual)
    options = [*first, *(Option(text=_PURPOSES[each], value=each.value) for each in ordered)]
    chosen = next((each for each in options if kind and each.value == kind.value), options[0])
    element = StaticSelectElement(action_id=ids.PURPOSE, options=options, initial_option=chosen)
    return InputBlock(block_id=ids.PURPOSE, label="For", element=element, dispatch_action=True)


def _emergency(policy: Policy, *, chosen: bool) -> InputBlock | None:
    """The checkbox for break-glass access, if an access flow allows it."""
    if not any(each.break_glass for each in policy.access_flows):
        return None
    option = Option(text="It is an emergency: at once, and reviewed afterwards", value=ids.EMERGENCY)
    element = CheckboxesElement(action_id=ids.EMERGENCY, options=[option], initial_options=[option] if chosen else None)
    return InputBlock(block_id=ids.EMERGENCY, label="Break-glass", element=element, optional=True, dispatch_action=True)


def _reason(policy: Policy, filled: FormValues, flow: AccessFlow | None) -> InputBlock:
    """The reason. It is required if the flow requires it, or, before the flow is known, if all flows do."""
    flows = [each for each in policy.access_flows if (each.break_glass if filled.break_glass else each.usual)]
    asking = [flow] if flow else flows
    required = bool(asking) and all(each.needs_reason for each in asking)
    wanted = flow.wanted_reason if flow else None
    return InputBlock(
        block_id=ids.REASON,
        label="Reason, for the owners",
        hint=middle_cut(wanted, LONGEST_HINT) if wanted else None,
        optional=not required,
        element=PlainTextInputElement(
            action_id=ids.REASON, multiline=True, max_length=LONGEST_REASON, initial_value=filled.reason or None
        ),
    )


def _choice(name: str, label: str, values: Sequence[str], chosen: str | None) -> InputBlock:
    options = [Option(text=middle_cut(each, _LONGEST_OPTION), value=each) for each in values]
    same = [each for each in options if chosen and each.value and each.value.lower() == chosen.lower()]
    element = StaticSelectElement(action_id=name, options=options, initial_option=(same or options)[0])
    return InputBlock(block_id=name, label=label, element=element, dispatch_action=True)


def spelled(duration: timedelta) -> str:
    """The duration in words, such as `2 hours 30 minutes`."""
    rest = int(duration.total_seconds())
    words = []
    for unit, size in (("day", 86_400), ("hour", 3_600), ("minute", 60), ("second", 1)):
        count, rest = divmod(rest, size)
        if count:
            words.append(f"{count} {unit if count == 1 else unit + 's'}")
    return " ".join(words)


def waiting(title: str = "Ask for access") -> View:
    """Shown instead of a submitted form when filing takes longer than Slack waits."""
    return View(
        type="modal",
        title=title,
        close="Close",
        blocks=[block([("Slack or the cluster is slow. What comes of it is shown here, and in a message.",)])],
    )


def on_one_cluster(filled: FormValues, policy: Policy) -> FormValues:
    """The same values with a cluster: the first one if none is chosen."""
    return filled if filled.cluster else replace(filled, cluster=policy.integrations[0].name)
