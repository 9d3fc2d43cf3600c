"""Hours: when an access flow applies."""

from datetime import datetime, time
from typing import Annotated, Literal, Self
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, Field, model_validator

from bot.access.policy.value_types import PolicyPart, TimeOfDay, check_time_zone

Day = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]

DAYS: tuple[Day, ...] = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


class Hours(PolicyPart):
    """When a flow applies. `until` before `since` runs over midnight, and belongs to the day it began on."""

    days: tuple[Day, ...] = Field(default=DAYS, min_length=1, description="The days on which it applies.")
    since: TimeOfDay = Field(default=time.min, description="From this time of the day on.")
    until: TimeOfDay = Field(
        default=time.max,
        description="To this time of the day. Earlier than since: over midnight.",
    )
    time_zone: Annotated[str, AfterValidator(check_time_zone)] = Field(default="UTC", description="As in Europe/Paris.")

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
