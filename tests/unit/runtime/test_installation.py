"""Which installation this is, and when that becomes known."""

import pytest

from bot.access.errors import Outage, Refusal
from bot.cluster.ownership import Installation
from bot.runtime.installation import InstallationIdentity
from tests.fakes import World

WHO = {"team_id": "T1", "user_id": "U1"}


def identity(world: World) -> InstallationIdentity:
    return InstallationIdentity(Installation(), world.store, world.clock)


def test_it_is_learned_from_slack_once_and_kept(world: World) -> None:
    first = identity(world)
    first.recall(None)
    with pytest.raises(Outage, match="which installation"):
        first.installation.require_id()
    first.learn(WHO)
    assert first.installation.require_id() == "T1-U1"
    again = identity(world)
    again.recall(None)
    again.learn({"team_id": "T2", "user_id": "U2"})
    assert again.installation.require_id() == "T1-U1"


def test_slack_that_was_away_at_the_start_is_asked_until_it_answers(world: World) -> None:
    late = identity(world)
    answers: list[dict[str, str] | Exception] = [Outage("no Slack"), Refusal("no"), WHO, Outage("never asked")]

    def ask() -> dict[str, str]:
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    for known in (None, None, "T1-U1", "T1-U1"):
        late.learn_late(ask)
        assert late.installation.id == known
    assert len(answers) == 1


def test_what_an_administrator_chose_counts(world: World) -> None:
    kept, chosen = identity(world), identity(world)
    kept.learn(WHO)
    chosen.recall("blue")
    assert chosen.installation.require_id() == "blue"
    after = identity(world)
    after.recall(None)
    assert after.installation.require_id() == "blue"
