"""Types of the values in a policy, each with the message for an invalid value."""

import re
from contextlib import suppress
from datetime import time, timedelta
from typing import Annotated
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

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


Duration = Annotated[timedelta, BeforeValidator(_duration)]
Owner = Annotated[str, AfterValidator(_check_owner)]
Owners = Annotated[tuple[Owner, ...], BeforeValidator(read_owners), Field(min_length=1)]
Name = Annotated[str, AfterValidator(_check_name)]
Pattern = Annotated[str, AfterValidator(_check_pattern)]
TimeOfDay = Annotated[time, BeforeValidator(_check_time_of_day)]


class PolicyPart(BaseModel):
    """A part of the policy: immutable, and without unknown keys."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)
