"""Filing one request reads the policy and the owners once."""

import sys
from collections import Counter
from types import FrameType

import pytest

from bot.access.policy import decision, owner_groups
from bot.access.policy.access_flow import AccessFlow
from bot.access.requests import routing
from bot.access.requests.drafts import Draft
from tests.fakes import REQUESTER, World

MODULES = {str(module.__file__): module.__name__.rpartition(".")[2] for module in (routing, decision, owner_groups)}
MOST_ENTRIES = 3

FLOWS = (
    AccessFlow(name="no secrets", deny=True, requesters=("@web",), patterns=("secret-*",)),
    AccessFlow(name="for others", requesters=("@web",), patterns=("logs-*",)),
    AccessFlow(name="anything", requesters=(REQUESTER,), escalation={"after": "1h", "to": "@leads"}),
)


def entries(world: World, draft: Draft) -> Counter[str]:
    """How often a call from outside enters each module while one request is filed."""
    counts: Counter[str] = Counter()

    def profile(frame: FrameType, event: str, _argument: object) -> None:
        module = MODULES.get(frame.f_code.co_filename)
        before = frame.f_back.f_code.co_filename if frame.f_back else ""
        if event == "call" and module is not None and MODULES.get(before) != module:
            counts[module] += 1

    sys.setprofile(profile)
    try:
        world.requests.submit(REQUESTER, draft)
    finally:
        sys.setprofile(None)
    return counts


@pytest.mark.parametrize("owner", ["@web", "@ghosts"])
def test_filing_goes_through_routing_and_decision_once(world: World, owner: str) -> None:
    world.directory.people |= {"@web": ("U0WEB1",), "@leads": ("U0LEAD",)}
    world.cluster.owners = {"logs-a": (owner,)}
    world.cluster.aliases = {"everything": ("logs-a", "logs-b")}
    world.under(*FLOWS)
    counts = entries(world, Draft("everything,logs-*", "1h"))
    assert set(counts) == set(MODULES.values())
    assert all(count <= MOST_ENTRIES for count in counts.values()), counts
