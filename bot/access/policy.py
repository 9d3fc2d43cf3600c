"""The policy: integrations, permissions and access flows. Decisions are pure functions of it, with a reason."""

import re
import warnings
from datetime import datetime, time, timedelta
from typing import Annotated, Literal, Self
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from bot.access.durations import parse_duration
from bot.access.errors import AccessError, InvalidRequest
from bot.access.patterns import parse_patterns

LONGEST_REASON = 500
"""Characters: more does not fit beside the rest of an approval message on a phone."""

LONGEST_DETAILS = 400
"""Characters of the custom access details."""

OWNER_SHAPE = re.compile(r"[UW][A-Z0-9]{5,}|@[^\s,@]+|[^\s,@]+@[^\s,@]+\.[^\s,@]+")
NAME_SHAPE = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]{0,39}")
_FLOW_NAME = re.compile(r"\S(?:.{0,58}\S)?")
_TIME_OF_DAY = re.compile(r"(?:[01][0-9]|2[0-3]):[0-5][0-9]")


def _duration(text: object) -> object:
    if not isinstance(text, str):
        return text
    try:
        return parse_duration(text)
    except AccessError:
        raise ValueError("is no duration from 1m to 3650d, written like 8h, 7d or 2h30m") from None


def read_owners(text: object) -> object:
    """Owners as a list, or separated by commas."""
    return [part.strip() for part in text.split(",") if part.strip()] if isinstance(text, str) else text


def is_owner(text: str) -> bool:
    """Whether it has the shape of a Slack user id, an e-mail or an `@group` handle."""
    return text.isprintable() and OWNER_SHAPE.fullmatch(text) is not None


def _an_owner(text: str) -> str:
    if not is_owner(text):
        raise ValueError("is no Slack user id (U012ABCDEF), e-mail or @group handle")
    return text


def _a_name(name: str) -> str:
    if not NAME_SHAPE.fullmatch(name):
        raise ValueError("must be letters, digits and hyphens, at most 40")
    return name


def _a_flow_name(name: str) -> str:
    if not _FLOW_NAME.fullmatch(name):
        raise ValueError("must be 1 to 60 characters in one line")
    return name


def _a_pattern(pattern: str) -> str:
    try:
        (checked,) = parse_patterns(pattern)
    except AccessError as error:
        raise ValueError(error.message) from None
    except ValueError:
        raise ValueError("write each pattern as an item of the list") from None
    return checked


def _an_expression(pattern: str) -> str:
    try:
        with warnings.catch_warnings(action="ignore"):
            re.compile(pattern)
    except (re.error, OverflowError, RecursionError) as error:
        place = getattr(error, "pos", None)
        raise ValueError(
            f"is no regular expression{'' if place is None else f' from character {place + 1} on'}"
        ) from None
    return pattern


def _a_time_of_day(text: object) -> object:
    # Only as people write it: with a zone or with seconds it would be compared with something else.
    if isinstance(text, str) and not _TIME_OF_DAY.fullmatch(text):
        raise ValueError("must be a time, written like 09:00")
    return text


def _a_time_zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        raise ValueError("is no time zone: write it like Europe/Paris") from None
    return name


Duration = Annotated[timedelta, BeforeValidator(_duration)]
Owner = Annotated[str, AfterValidator(_an_owner)]
Owners = Annotated[tuple[Owner, ...], BeforeValidator(read_owners), Field(min_length=1)]
Name = Annotated[str, AfterValidator(_a_name)]
Pattern = Annotated[str, AfterValidator(_a_pattern)]
TimeOfDay = Annotated[time, BeforeValidator(_a_time_of_day)]


class Part(BaseModel):
    """A part of the policy: never changed, and no key in it that is not known."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


class Permission(Part):
    """A named set of index privileges, and of what it opens in Kibana. It never holds a cluster privilege."""

    name: Name
    indices: tuple[str, ...] = Field(min_length=1, description="Elasticsearch index privileges, such as read")
    kibana: tuple[str, ...] = Field(default=(), description="Kibana feature privileges, such as feature_discover.read")
    spaces: tuple[str, ...] = Field(default=("default",), description="Kibana spaces in which they hold")

    def stored(self) -> dict[str, list[str]]:
        """As it is kept with a request: the policy may change, and what was approved may not."""
        return {"indices": list(self.indices), "kibana": list(self.kibana), "spaces": list(self.spaces)}


PERMISSIONS = (
    Permission(name="read", indices=("read", "view_index_metadata")),
    Permission(name="write", indices=("read", "view_index_metadata", "write")),
    Permission(name="manage", indices=("read", "view_index_metadata", "write", "manage")),
)
"""Built in. Each holds the one before: who may write may read what was written."""


class Integration(Part):
    """One cluster as the policy sees it: whom to ask about it, and what people are told."""

    name: Name
    owner: Owners
    resource_owner: str | None = None
    public_url: str
    access_details: str = Field(default="", max_length=LONGEST_DETAILS)


Day = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
DAYS: tuple[Day, ...] = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


class Hours(Part):
    """When a flow applies. `until` before `since` runs over midnight, and belongs to the day it began on."""

    days: tuple[Day, ...] = Field(default=DAYS, min_length=1)
    since: TimeOfDay = time.min
    until: TimeOfDay = time.max
    time_zone: Annotated[str, AfterValidator(_a_time_zone)] = "UTC"

    @model_validator(mode="after")
    def _is_a_span(self) -> Self:
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


class Escalation(Part):
    """If nobody has decided after that time, those who were asked are reminded; after twice that, `to` is asked."""

    after: Duration
    to: Owners


_OF_ASKING = frozenset({
    "reason", "reason_pattern", "approve", "owners", "approvals", "groups", "self_approval", "escalation", "scope",
})  # fmt: skip
"""Keys of a flow that say how a request is made or decided."""


class AccessFlow(Part):
    """Who may ask for what, for how long, and who says yes."""

    name: Annotated[str, AfterValidator(_a_flow_name)]
    deny: bool = Field(default=False, description="Refuse what matches, whatever the other flows say")
    requesters: Literal["everyone"] | Owners = "everyone"
    integrations: tuple[Name, ...] = Field(default=(), description="Left out: all of them")
    patterns: tuple[Pattern, ...] = Field(default=("*",), min_length=1)
    permissions: tuple[Name, ...] = Field(default=(), description="Left out: all of them for deny, otherwise read")
    max_duration: Duration = timedelta(days=7)
    default_duration: Duration | None = None
    reason: Literal["optional", "required"] = "optional"
    reason_pattern: Annotated[str, AfterValidator(_an_expression)] | None = None
    approve: Literal["owners", "rule"] = Field(default="owners", description="rule: approved without asking anybody")
    owners: Literal["resource", "integration"] | Owners = "resource"
    approvals: int = Field(default=1, ge=1, le=10, description="How many of each owner group have to say yes")
    groups: Literal["all", "any"] = Field(default="all", description="Of several owner groups: each of them, or one")
    self_approval: bool = False
    escalation: Escalation | None = None
    scope: Literal["pattern", "resolved"] = Field(
        default="pattern", description="resolved: exactly what matched, and no index that is created later"
    )
    automatic: bool = Field(default=False, description="Requesters have it without asking, while they are members")
    when: Hours | None = None

    @model_validator(mode="after")
    def _makes_sense(self) -> Self:
        if self.automatic and (self.requesters == "everyone" or self.deny):
            raise ValueError("an automatic flow needs requesters, and cannot deny")
        if self.automatic and (useless := sorted(_OF_ASKING & self.model_fields_set)):
            raise ValueError(f"{useless[0]} has no meaning in an automatic flow: nobody asks, and nobody is asked")
        if self.automatic and len(self.permissions) > 1:
            raise ValueError("an automatic flow has one permission")
        if self.default_duration is not None and self.default_duration > self.max_duration:
            raise ValueError("default_duration is longer than max_duration")
        if self.escalation is not None and (self.approve == "rule" or self.deny):
            raise ValueError("escalation has no meaning where nobody is asked")
        return self

    @property
    def offers(self) -> tuple[str, ...]:
        """The permissions that may be asked for."""
        return self.permissions or ("read",)


class Policy(Part):
    """Everything a decision depends on."""

    integrations: tuple[Integration, ...] = Field(min_length=1)
    permissions: tuple[Permission, ...] = PERMISSIONS
    access_flows: tuple[AccessFlow, ...] = Field(min_length=1)
    pending_for: timedelta = timedelta(hours=8)

    @model_validator(mode="after")
    def _names_fit(self) -> Self:
        for kind in ("integrations", "permissions", "access_flows"):
            names = [each.name.lower() for each in getattr(self, kind)]
            for name in names:
                if names.count(name) > 1:
                    raise ValueError(f"{kind}: there are two of the name {name}")
        known = {each.name for each in self.permissions}
        clusters = {each.name for each in self.integrations}
        for flow in self.access_flows:
            if unknown := set(flow.permissions) - known:
                raise ValueError(f"access flow {flow.name}: no permission {', '.join(sorted(unknown))}")
            if unknown := set(flow.integrations) - clusters:
                raise ValueError(f"access flow {flow.name}: no integration {', '.join(sorted(unknown))}")
        return self

    @property
    def longest(self) -> timedelta:
        """The longest access that any flow allows."""
        return max((flow.max_duration for flow in self.access_flows if not flow.deny), default=timedelta(0))

    def integration(self, name: str | None) -> Integration:
        """The integration of that name, or the only one when none is named. Raises `InvalidRequest`."""
        known = ", ".join(each.name for each in self.integrations)
        example = f"/es-access logs-* 1h --cluster {self.integrations[0].name}"
        if name is None:
            if len(self.integrations) > 1:
                raise InvalidRequest(f"Say which cluster you mean: {known}.", example)
            return self.integrations[0]
        for each in self.integrations:
            if each.name.lower() == name.lower():
                return each
        raise InvalidRequest(f"There is no cluster “{name[:40]}” here. There is: {known}.", example)

    def permission(self, name: str) -> Permission:
        """The permission of that name. Raises `InvalidRequest`."""
        for each in self.permissions:
            if each.name.lower() == name.lower():
                return each
        known = ", ".join(each.name for each in self.permissions)
        raise InvalidRequest(f"“{name[:40]}” is not a permission. There is: {known}.", "/es-access logs-* 1h read")

    def flow(self, name: str) -> AccessFlow | None:
        """The access flow of that name, if it is still there."""
        return next((each for each in self.access_flows if each.name == name), None)
