"""The line of `bot check` about an access flow."""

from datetime import time

import pytest

from bot.access.policy.access_flow import AccessFlow
from bot.access.policy.hours import Hours
from bot.access.policy.model import Integration, Policy
from bot.checks.policy import described

HOURS = [
    (Hours(days=("sat", "sun"), time_zone="Europe/Paris"), ", sat, sun (Europe/Paris), approved"),
    (Hours(since=time(8), until=time(18)), ", from 08:00 to 18:00 UTC, approved"),
    (Hours(days=("mon",), since=time(8), until=time(18)), ", mon from 08:00 to 18:00 UTC, approved"),
]


@pytest.mark.parametrize(("when", "words"), HOURS)
def test_hours_are_said_only_where_they_are_not_the_whole_day(when: Hours, words: str) -> None:
    flow = AccessFlow(name="x", when=when, owners="integration")
    integration = Integration(name="es", owner=("U012ABCDEF",), public_url="https://es")
    assert words in described(Policy(integrations=(integration,), access_flows=(flow,)), flow)
