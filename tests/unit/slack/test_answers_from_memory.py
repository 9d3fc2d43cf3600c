"""While a cluster does not answer, answers about it say that they are from memory."""

from datetime import timedelta

from bot.access.errors import Outage
from bot.access.requests.service import OLD_CATALOGUE
from bot.slack.blocks.form import FormValues
from bot.slack.blocks.form_preview import preview_form
from bot.slack.blocks.phrases import from_memory
from bot.slack.blocks.rich_text import fallback
from tests.fakes import PRODUCTION, REQUESTER, World

ASKED = FormValues(PRODUCTION.name, ("logs-*",), duration="1h")


def test_names_of_the_last_minute_are_current(world: World) -> None:
    world.cluster.read_at = world.clock.now() - OLD_CATALOGUE
    assert world.requests.remembered_since(PRODUCTION.name) is None
    _, lines = preview_form(world.requests, REQUESTER, ASKED)
    assert "does not answer" not in fallback(lines)


def test_older_names_are_said_to_be_from_memory(world: World) -> None:
    then = world.clock.now() - OLD_CATALOGUE - timedelta(seconds=1)
    world.cluster.read_at = then
    assert world.requests.remembered_since(PRODUCTION.name) == then
    _, lines = preview_form(world.requests, REQUESTER, ASKED)
    assert f"{PRODUCTION.name} does not answer. This is as of " in fallback(lines)
    assert from_memory(PRODUCTION.name, None) == []


def test_a_cluster_of_which_nothing_is_known_is_no_memory(world: World) -> None:
    world.cluster.asked.errors = [Outage("no answer")]
    assert world.requests.remembered_since(PRODUCTION.name) is None
