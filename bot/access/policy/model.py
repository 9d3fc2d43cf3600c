"""The policy: integrations, permissions and access flows."""

from datetime import datetime, time, timedelta
from typing import Annotated, Any, Literal, Self
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from bot.access.errors import Incomplete, InvalidRequest
from bot.access.models.columns import CredentialKind, Delivery
from bot.access.policy.value_types import (
    Duration,
    Name,
    Owners,
    Pattern,
    TimeOfDay,
    check_channel,
    check_expression,
    check_flow_name,
    check_time_zone,
)

LONGEST_REASON = 500
"""Characters: a longer reason does not fit into an approval message on a phone."""

LONGEST_DETAILS = 400
"""Characters of the custom access details."""


class PolicyPart(BaseModel):
    """A part of the policy: immutable, and without unknown keys."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


class Permission(PolicyPart):
    """A named set of index privileges and Kibana features.

    `cluster`, `run_as` and `restricted_indices` are dangerous: only flows with `dangerous` may offer them.
    """

    name: Name
    indices: tuple[str, ...] = Field(min_length=1, description="Elasticsearch index privileges, such as read")
    kibana: tuple[str, ...] = Field(default=(), description="Kibana feature privileges, such as feature_discover.read")
    spaces: tuple[str, ...] = Field(default=("default",), description="Kibana spaces in which they hold")
    cluster: tuple[str, ...] = Field(default=(), description="Elasticsearch cluster privileges. Dangerous")
    run_as: tuple[str, ...] = Field(default=(), description="Users whose name may be taken. Dangerous")
    restricted_indices: bool = Field(default=False, description="System indices are covered too. Dangerous")

    @property
    def dangerous(self) -> bool:
        """Whether the permission gives more than indices and Kibana."""
        return bool(self.cluster or self.run_as or self.restricted_indices)

    def stored(self) -> dict[str, Any]:
        """The privileges as JSON, stored with each request: a policy change does not alter approved access."""
        held = {"indices": list(self.indices), "kibana": list(self.kibana), "spaces": list(self.spaces)}
        dangers = {
            "cluster": list(self.cluster),
            "run_as": list(self.run_as),
            "restricted_indices": self.restricted_indices,
        }
        return {**held, **{name: value for name, value in dangers.items() if value}}


PERMISSIONS = (
    Permission(name="read", indices=("read", "view_index_metadata")),
    Permission(name="write", indices=("read", "view_index_metadata", "write")),
    Permission(name="manage", indices=("read", "view_index_metadata", "write", "manage")),
)
"""Built-in permissions. Each includes the one before."""


class Integration(PolicyPart):
    """One cluster in the policy: its owner, and the texts that people get."""

    name: Name
    owner: Owners
    resource_owner: str | None = None
    public_url: str
    access_details: str = Field(default="", max_length=LONGEST_DETAILS)
    user_cleanup_days: int | None = Field(default=None, description="Users stay that long, disabled, after the end")


Day = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
DAYS: tuple[Day, ...] = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


class Hours(PolicyPart):
    """When a flow applies. `until` before `since` runs over midnight, and belongs to the day it began on."""

    days: tuple[Day, ...] = Field(default=DAYS, min_length=1)
    since: TimeOfDay = time.min
    until: TimeOfDay = time.max
    time_zone: Annotated[str, AfterValidator(check_time_zone)] = "UTC"

    @model_validator(mode="after")
    def _check_span(self) -> Self:
        if self.since == self.until:
            raise ValueError("since and until are the same: leave both out for the whole day")
        return self

    def include(self, moment: datetime) -> bool:
        """Whether the flow applies at that moment."""
        local = moment.astimezone(ZoneInfo(self.time_zone))
        clock, day = local.time(), local.weekday()
        if self.since <= self.until:
            return self.since <= clock <= self.until and DAYS[day] in self.days
        if clock >= self.since:
            return DAYS[day] in self.days
        return clock <= self.until and DAYS[day - 1] in self.days


class Escalation(PolicyPart):
    """If nobody has decided after that time, those who were asked are reminded; after twice that, `to` is asked."""

    after: Duration
    to: Owners


_KEYS_OF_REQUESTS = frozenset({
    "reason", "reason_pattern", "approve", "owners", "approvals", "groups", "self_approval", "escalation", "scope",
    "channel", "extend", "max_extensions", "max_total", "for_others",
})  # fmt: skip
"""Keys of a flow about filing and deciding requests."""

_KEYS_OF_APPROVAL = frozenset({
    "approvals", "groups", "self_approval", "escalation", "extend", "max_extensions", "max_total",
})  # fmt: skip
"""Keys of a flow without a meaning where nobody approves first and extensions fall under another flow."""


class AccessFlow(PolicyPart):
    """Who may ask for what, for how long, and who says yes."""

    name: Annotated[str, AfterValidator(check_flow_name)]
    deny: bool = Field(default=False, description="Refuse what matches, whatever the other flows say")
    requesters: Literal["everyone"] | Owners = "everyone"
    integrations: tuple[Name, ...] = Field(default=(), description="Left out: all of them")
    patterns: tuple[Pattern, ...] = Field(default=("*",), min_length=1)
    permissions: tuple[Name, ...] = Field(default=(), description="Left out: all of them for deny, otherwise read")
    max_duration: Duration = timedelta(days=7)
    default_duration: Duration | None = None
    reason: Literal["optional", "required"] = "optional"
    reason_pattern: Annotated[str, AfterValidator(check_expression)] | None = None
    approve: Literal["owners", "rule"] = Field(default="owners", description="rule: approved without asking anybody")
    owners: Literal["resource", "integration"] | Owners = "resource"
    approvals: int = Field(default=1, ge=1, le=10, description="How many of each owner group have to say yes")
    groups: Literal["all", "any"] = Field(default="all", description="Of several owner groups: each of them, or one")
    self_approval: bool = False
    escalation: Escalation | None = None
    channel: Annotated[str, AfterValidator(check_channel)] | None = None
    extend: Literal["owners", "rule"] | None = Field(default=None, description="Left out: as approve")
    max_extensions: int | None = Field(default=None, ge=0, le=1000)
    max_total: Duration | None = Field(default=None, description="From the first approval to the end")
    for_others: bool | Owners = Field(default=False, description="Who may ask on behalf of somebody else")
    scope: Literal["pattern", "resolved"] = Field(
        default="pattern", description="resolved: exactly what matched, and no index that is created later"
    )
    credentials: tuple[CredentialKind, ...] = Field(
        default=tuple(CredentialKind), min_length=1, description="What may be asked for; the first, unless one is named"
    )
    delivery: Delivery = Field(default=Delivery.MESSAGE, description="reveal: made at a click, and shown once")
    break_glass: bool = Field(default=False, description="Approved at once when asked for by name; reviewed afterwards")
    dangerous: bool = Field(default=False, description="Permissions with cluster privileges, run_as or system indices")
    automatic: bool = Field(default=False, description="Requesters have it without asking, while they are members")
    when: Hours | None = None

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
    def usual(self) -> bool:
        """Whether an ordinary request can fall under the flow."""
        return not (self.deny or self.automatic or self.break_glass)

    def by_rule(self, *, extension: bool) -> bool:
        """Whether a request or an extension is approved without an owner."""
        return self.break_glass or (self.extend or self.approve if extension else self.approve) == "rule"

    @property
    def offers(self) -> tuple[str, ...]:
        """The permissions that people may ask for."""
        return self.permissions or ("read",)


class Policy(PolicyPart):
    """The whole policy, on which every decision depends."""

    integrations: tuple[Integration, ...] = Field(min_length=1)
    permissions: tuple[Permission, ...] = PERMISSIONS
    access_flows: tuple[AccessFlow, ...] = Field(min_length=1)
    pending_for: timedelta = timedelta(hours=8)
    pending_per_person: int = Field(default=10, ge=1)
    requests_per_hour: int = Field(default=30, ge=1)

    @model_validator(mode="after")
    def _check_names(self) -> Self:
        for kind in ("integrations", "permissions", "access_flows"):
            names = [each.name.lower() for each in getattr(self, kind)]
            for name in names:
                if names.count(name) > 1:
                    raise ValueError(f"{kind}: there are two of the name {name}")
        known = {each.name for each in self.permissions}
        clusters = {each.name for each in self.integrations}
        for flow in self.access_flows:
            dangers = [each.name for each in self.permissions if each.dangerous and each.name in flow.offers]
            if dangers and not flow.dangerous and not flow.deny:
                raise ValueError(
                    f"access flow {flow.name}: {dangers[0]} is dangerous. If that is meant, write dangerous: true"
                )
            if unknown := set(flow.permissions) - known:
                raise ValueError(f"access flow {flow.name}: no permission {', '.join(sorted(unknown))}")
            if unknown := set(flow.integrations) - clusters:
                raise ValueError(f"access flow {flow.name}: no integration {', '.join(sorted(unknown))}")
        return self

    @property
    def longest(self) -> timedelta:
        """The longest duration that any flow allows."""
        return max((flow.max_duration for flow in self.access_flows if not flow.deny), default=timedelta(0))

    def integration(self, name: str | None) -> Integration:
        """Finds an integration by name, or the only one if `name` is `None`. Raises `InvalidRequest`."""
        known = ", ".join(each.name for each in self.integrations)
        example = f"/es-access logs-* 1h --cluster {self.integrations[0].name}"
        if name is None:
            if len(self.integrations) > 1:
                raise Incomplete(f"Say which cluster you mean: {known}.", example)
            return self.integrations[0]
        for each in self.integrations:
            if each.name.lower() == name.lower():
                return each
        raise InvalidRequest(f"There is no cluster “{name[:40]}” here. There is: {known}.", example)

    def find_integration(self, name: str) -> Integration | None:
        """The integration of exactly that name; `None` if the policy no longer has it."""
        return next((each for each in self.integrations if each.name == name), None)

    def permission(self, name: str) -> Permission:
        """Finds a permission by name. Raises `InvalidRequest`."""
        for each in self.permissions:
            if each.name.lower() == name.lower():
                return each
        known = ", ".join(each.name for each in self.permissions)
        raise InvalidRequest(f"“{name[:40]}” is not a permission. There is: {known}.", "/es-access logs-* 1h read")

    def flow(self, name: str) -> AccessFlow | None:
        """The access flow of that name; `None` if the policy no longer has it."""
        return next((each for each in self.access_flows if each.name == name), None)
