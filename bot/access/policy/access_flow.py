"""Access flows: who may request what, for how long, and who approves."""

from datetime import timedelta
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from bot.access.models.columns import CredentialKind, Delivery
from bot.access.policy.expressions import check_expression
from bot.access.policy.hours import Hours
from bot.access.policy.names.evaluation import is_evaluable
from bot.access.policy.names.exclusion import check_exclusion
from bot.access.policy.value_types import (
    Duration,
    Name,
    Owners,
    Pattern,
    PolicyPart,
    check_channel,
    check_flow_name,
    check_hint,
)


class Escalation(PolicyPart):
    """If nobody has decided after that time, those who were asked are reminded; after twice that, `to` is asked."""

    after: Duration = Field(
        description="Those who were asked are reminded after this time; after twice as long, the next are asked.",
    )
    to: Owners = Field(description="Who is asked then. Those who were asked before may still decide.")


_KEYS_OF_REQUESTS = frozenset({
    "reason", "reason_pattern", "reason_hint", "approve", "owners", "approvals", "groups", "self_approval",
    "escalation", "scope", "channel", "extend", "max_extensions", "max_total", "for_others",
})  # fmt: skip
"""Keys of a flow about filing and deciding requests."""


_KEYS_OF_APPROVAL = frozenset({
    "approvals", "groups", "self_approval", "escalation", "extend", "max_extensions", "max_total",
})  # fmt: skip
"""Keys of a flow without a meaning where nobody approves first and extensions fall under another flow."""


class AccessFlow(PolicyPart):
    """Who may ask for what, for how long, and who says yes."""

    name: Annotated[str, AfterValidator(check_flow_name)] = Field(
        description="Shown to people as the reason for what they are told.",
    )
    deny: bool = Field(
        default=False,
        description="Refuse what matches, whatever the other flows say. Overlapping the patterns is enough to match.",
    )
    requesters: Literal["everyone"] | Owners = Field(
        default="everyone",
        description="Who may ask: everyone, or Slack user ids, e-mails and @group handles.",
    )
    integrations: tuple[Name, ...] = Field(
        default=(),
        description="The clusters that it is about. Left out: all of them.",
    )
    patterns: tuple[Pattern, ...] = Field(
        default=("*",),
        min_length=1,
        description=(
            "The index patterns that may be asked for, each of them or anything narrower. Only a pattern that begins "
            "with a dot, such as .alerts-*, gives hidden indices."
        ),
    )
    exclude: tuple[Pattern, ...] = Field(
        default=(),
        description=(
            "Names under these patterns are never given by this flow: a wildcard is given without them, and a request "
            "for them alone does not fit."
        ),
    )
    permissions: tuple[Name, ...] = Field(
        default=(),
        description="What may be asked for. Left out: read, and for a flow that denies all of them.",
    )
    max_duration: Duration = Field(default=timedelta(days=7), description="The longest access.")
    default_duration: Duration | None = Field(
        default=None,
        description="For a request that says none. Left out: a request has to say one.",
    )
    reason: Literal["optional", "required"] = Field(default="optional", description="Whether a request has to say why.")
    reason_pattern: Annotated[str, AfterValidator(check_expression)] | None = Field(
        default=None,
        description="A regular expression that a reason has to contain, such as INC-[0-9]+",
    )
    reason_hint: Annotated[str, AfterValidator(check_hint)] | None = Field(
        default=None,
        description="In words what a reason has to say, shown to people, as in: A ticket, such as INC-42.",
    )
    approve: Literal["owners", "rule"] = Field(
        default="owners",
        description="owners: they are asked. rule: approved without asking anybody.",
    )
    owners: Literal["resource", "integration"] | Owners = Field(
        default="resource",
        description=(
            "Who is asked. resource: the owner of each index, as found in the cluster. integration: the "
            "integration owner alone. Or owners by name."
        ),
    )
    approvals: int = Field(default=1, ge=1, le=10, description="How many of each owner group have to say yes.")
    groups: Literal["all", "any"] = Field(
        default="all",
        description="Of several owner groups: each of them has to say yes, or any one.",
    )
    self_approval: bool = Field(default=False, description="Whether an owner may approve their own request.")
    escalation: Escalation | None = Field(default=None, description="What happens when nobody decides.")
    channel: Annotated[str, AfterValidator(check_channel)] | None = Field(
        default=None,
        description=(
            "Where owners decide: #name or the id of a channel that the app is in. Left out: each owner's "
            "direct message. Of a break-glass flow: where it is told as well."
        ),
    )
    extend: Literal["owners", "rule"] | None = Field(
        default=None,
        description="owners: they are asked for more time. rule: it is given without asking. Left out: as approve.",
    )
    max_extensions: int | None = Field(
        default=None,
        ge=0,
        le=1000,
        description="How often access may be extended. Left out: as often as owners allow.",
    )
    max_total: Duration | None = Field(
        default=None,
        description="The longest that access may become with all extensions. Left out: as long as owners allow.",
    )
    for_others: bool | Owners = Field(
        default=False,
        description="Who may ask for somebody else with --for: true for everyone, or owners. Left out: nobody.",
    )
    scope: Literal["pattern", "resolved"] = Field(
        default="pattern",
        description=(
            "pattern: what is created later under it is covered too. resolved: exactly what matched, and for an alias "
            "what it points to."
        ),
    )
    alias_moves: Literal["end", "keep"] = Field(
        default="end",
        description=(
            "When an alias comes to point to data of other owners while access to it lives. end: the access ends. "
            "keep: it stays, and the owners before and since are told."
        ),
    )
    credentials: tuple[CredentialKind, ...] = Field(
        default=tuple(CredentialKind),
        min_length=1,
        description=(
            "What is given: own_account is access for the requester's own account, without a secret, where the "
            "integration has accounts; password for Kibana and people, api_key for scripts. The first of them where "
            "nobody says which. The end of a key does not stop a request that is open, such as a long _bulk."
        ),
    )
    delivery: Delivery = Field(
        default=Delivery.MESSAGE,
        description=(
            "message: the secret stands in a direct message until the end. reveal: it is made at a click, and "
            "shown once."
        ),
    )
    break_glass: bool = Field(
        default=False,
        description=(
            "For emergencies: asked for with --break-glass and a reason, it approves at once. Owners and the "
            "channel are told, and owners are reminded until one of them has reviewed it."
        ),
    )
    dangerous: bool = Field(
        default=False,
        description="Needed where a permission has cluster, run_as or restricted_indices. Approvers are told.",
    )
    automatic: bool = Field(
        default=False,
        description="Requesters have it without asking, for as long as they are members.",
    )
    when: Hours | None = Field(default=None, description="When the flow applies. Left out: always.")

    @model_validator(mode="after")
    def _check_combinations(self) -> Self:
        if self.automatic and (self.requesters == "everyone" or self.deny):
            raise ValueError("an automatic flow needs requesters, and cannot deny")
        if self.automatic and (useless := sorted(_KEYS_OF_REQUESTS & self.model_fields_set)):
            raise ValueError(f"{useless[0]} has no meaning in an automatic flow: nobody asks, and nobody is asked")
        if self.automatic and len(self.permissions) > 1:
            raise ValueError("an automatic flow has one permission")
        if self.default_duration is not None and self.default_duration > self.max_duration:
            raise ValueError("default_duration is longer than max_duration")
        if self.max_total is not None and self.max_total < self.max_duration:
            raise ValueError("max_total is shorter than max_duration")
        if self.escalation is not None and (self.approve == "rule" or self.deny):
            raise ValueError("escalation has no meaning where nobody is asked")
        if self.break_glass:
            self._check_break_glass()
        return self

    @model_validator(mode="after")
    def _check_names(self) -> Self:
        useless = sorted({"alias_moves", "exclude"} & self.model_fields_set)
        if self.deny and useless:
            raise ValueError(f"{useless[0]} has no meaning in a flow that denies: it gives nothing")
        check_exclusion(self.patterns, self.exclude)
        if self.automatic and not is_evaluable(self.patterns, self.exclude):
            raise ValueError("Elasticsearch cannot evaluate these patterns in one role: make several automatic flows")
        return self

    def _check_break_glass(self) -> None:
        if self.deny or self.automatic:
            raise ValueError("a break-glass flow is asked for: it cannot deny, nor be automatic")
        if useless := sorted(_KEYS_OF_APPROVAL & self.model_fields_set):
            raise ValueError(f"{useless[0]} has no meaning in a break-glass flow: it approves at once")
        if self.approve == "owners" and "approve" in self.model_fields_set:
            raise ValueError("a break-glass flow approves at once: leave approve out")
        if self.reason == "optional" and "reason" in self.model_fields_set:
            raise ValueError("a break-glass flow needs a reason: leave reason out")

    @property
    def needs_reason(self) -> bool:
        """Whether a request has to give a reason."""
        return self.reason == "required" or self.break_glass

    @property
    def wanted_reason(self) -> str | None:
        """What a reason has to say, in words if the policy has them; `None` if it may say anything."""
        if self.reason_hint is not None:
            return self.reason_hint
        return f"It has to contain {self.reason_pattern}" if self.reason_pattern else None

    @property
    def usual(self) -> bool:
        """Whether an ordinary request can fall under the flow."""
        return not (self.deny or self.automatic or self.break_glass)

    def by_rule(self, *, extension: bool, first_flow: str | None = None) -> bool:
        """Whether a request or an extension is approved without an owner.

        Owners who are asked once let a rule extend the access that they approved, but none from other flows.
        `first_flow` is the flow under which somebody approved the access.
        """
        if self.break_glass or not extension:
            return self.break_glass or self.approve == "rule"
        return (self.extend or self.approve) == "rule" and (self.approve == "rule" or first_flow == self.name)

    @property
    def names_owners(self) -> bool:
        """Whether people decide who are named in the flow, and so about its patterns alone."""
        return not isinstance(self.owners, str) and "*" not in self.patterns

    @property
    def offers(self) -> tuple[str, ...]:
        """The permissions that people may ask for."""
        return self.permissions or ("read",)

    def is_for(self, integration: str) -> bool:
        """Whether the flow is about that cluster."""
        return not self.integrations or integration in self.integrations
