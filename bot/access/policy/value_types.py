"""Types of the values in a policy, each with the message for an invalid value."""

import re
from collections.abc import Mapping
from contextlib import suppress
from datetime import time, timedelta
from typing import Annotated, Self
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from bot.access.durations import is_plain_duration, parse_duration
from bot.access.errors import AccessError
from bot.access.policy.names.evaluation import check_evaluable
from bot.access.policy.patterns import parse_patterns

# No two neighbours match the same character: anybody who may write `_meta` may write a long text there.
OWNER_SHAPE = re.compile(r"[UW][A-Z0-9]{5,}|@[^\s,@]+|[^\s,@]+@[^\s,@.]+(\.[^\s,@.]+)+")
CHANNEL_SHAPE = re.compile(r"[CG][A-Z0-9]{5,}|#[^\s,@<>#&|]{1,80}")
NAME_SHAPE = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]{0,39}")
LONGEST_HINT = 150
"""Characters of a hint: it stands in messages of one sentence."""
_FLOW_NAME = re.compile(r"\S(?:.{0,58}\S)?")
_TIME_OF_DAY = re.compile(r"(?:[01][0-9]|2[0-3]):[0-5][0-9]")


def _duration(text: object) -> object:
    if not isinstance(text, str):
        return text
    with suppress(AccessError):
        if is_plain_duration(text):
            return parse_duration(text)
    raise ValueError("is no duration from 1m to 3650d, written like 8h, 7d or 2h30m")


def read_owners(text: object) -> object:
    """Splits owners that are separated by commas. Leaves a list as it is."""
    return [part.strip() for part in text.split(",") if part.strip()] if isinstance(text, str) else text


def is_owner(text: str) -> bool:
    """Whether the text has the form of a Slack user id, an e-mail address or an `@group` handle."""
    return text.isprintable() and OWNER_SHAPE.fullmatch(text) is not None


def _check_owner(text: str) -> str:
    if not is_owner(text):
        raise ValueError("is no Slack user id (U012ABCDEF), e-mail or @group handle")
    return text


def _check_name(name: str) -> str:
    if not NAME_SHAPE.fullmatch(name):
        raise ValueError("must be letters, digits and hyphens, at most 40")
    return name


def check_flow_name(name: str) -> str:
    if not _FLOW_NAME.fullmatch(name):
        raise ValueError("must be 1 to 60 characters in one line")
    return name


def check_hint(text: str) -> str:
    if not text.strip() or len(text) > LONGEST_HINT or not text.isprintable():
        raise ValueError(f"must be 1 to {LONGEST_HINT} characters in one line")
    return text.strip()


def _check_pattern(pattern: str) -> str:
    try:
        (checked,) = parse_patterns(pattern)
        check_evaluable([checked])
    except AccessError as error:
        raise ValueError(error.message) from None
    except ValueError:
        raise ValueError("write each pattern as an item of the list") from None
    return checked


def check_channel(name: str) -> str:
    if not CHANNEL_SHAPE.fullmatch(name):
        raise ValueError("is no channel: write #name, or its id like C012ABCDEF")
    return name


def _check_time_of_day(text: object) -> object:
    # A time with a zone or with seconds would be accepted by the parser, but compared wrongly.
    if isinstance(text, str) and not _TIME_OF_DAY.fullmatch(text):
        raise ValueError("must be a time, written like 09:00")
    return text


def check_time_zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        raise ValueError("is no time zone: write it like Europe/Paris") from None
    return name


ACCOUNT_PLACES = ("email", "email_name", "slack_name")
"""The placeholders in the name of an account."""

_ACCOUNT_PLACE = re.compile(r"\{(" + "|".join(ACCOUNT_PLACES) + r")\}")


def _check_account_name(template: str) -> str:
    rest = _ACCOUNT_PLACE.sub("", template)
    if rest == template:
        raise ValueError("names the same account for everybody: use {email}, {email_name} or {slack_name}")
    if "{" in rest or "}" in rest:
        raise ValueError("has a brace that begins or ends none of {email}, {email_name}, {slack_name}")
    if not template.isprintable() or template != template.strip():
        raise ValueError("must be one line, without spaces around it")
    return template


def account_name(template: str, values: Mapping[str, str]) -> str:
    """The filled template. Braces in a value have no meaning. Raises `KeyError` for a value that is not there."""
    return _ACCOUNT_PLACE.sub(lambda place: values[place.group(1)], template)


def _check_realm(name: str) -> str:
    if not name.isprintable() or name != name.strip():
        raise ValueError("must be the name of a realm, without spaces around it")
    return name


Duration = Annotated[timedelta, BeforeValidator(_duration)]
Owner = Annotated[str, AfterValidator(_check_owner)]
Owners = Annotated[tuple[Owner, ...], BeforeValidator(read_owners), Field(min_length=1)]
Name = Annotated[str, AfterValidator(_check_name)]
Pattern = Annotated[str, AfterValidator(_check_pattern)]
RealmName = Annotated[str, Field(min_length=1, max_length=100), AfterValidator(_check_realm)]
AccountName = Annotated[str, Field(min_length=1, max_length=200), AfterValidator(_check_account_name)]
TimeOfDay = Annotated[time, BeforeValidator(_check_time_of_day)]


class PolicyPart(BaseModel):
    """A part of the policy: immutable, and without unknown keys."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


NATIVE = "native"
"""The realm of users that are kept in Elasticsearch itself, under the name that it has unless it was renamed."""


class AccountRules(PolicyPart):
    """The realm of people's own accounts in a cluster, and how they are named."""

    realm: RealmName = Field(description="The name of the realm that they sign in by; native for native users.")
    username: AccountName = Field(
        default="{email}",
        description="The name of a person's account. {email} is the e-mail in Slack, {email_name} its part before "
        "the @, {slack_name} the name in Slack.",
    )
    add_role: bool = Field(
        default=False,
        description="A native user may be given the name of its personal role. Otherwise a role mapping gives it.",
    )

    @model_validator(mode="after")
    def _check_add_role(self) -> Self:
        if self.add_role and self.realm != NATIVE:
            raise ValueError("add_role is for native users: elsewhere a role mapping gives the role")
        return self
