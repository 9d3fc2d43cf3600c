"""`bot explain` in words that an administrator understands."""

import pytest

from bot.access.people import Members, OwnerProblem
from bot.access.requests.drafts import Draft
from bot.cli.policy_answers import explain
from bot.runtime.admin import CannotAnswerError
from tests.fakes import World


def test_a_person_whom_slack_does_not_know_is_named_without_slack_s_own_words(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    problem = OwnerProblem("alice", "Slack answered user_not_found", "user_not_found")
    monkeypatch.setattr(world.directory, "members", lambda _: Members((), (problem,)))
    with pytest.raises(CannotAnswerError) as refused:
        explain(world.requests, world.directory, "alice", Draft("logs-*", "1h"))
    assert str(refused.value) == (
        "alice: there is nobody with this user id in Slack. Give a Slack user id or an e-mail."
    )
