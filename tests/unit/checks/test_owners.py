"""Problems with owners are explained by their code, whatever the wording of the directory."""

import pytest

from bot.access.people import OwnerProblem
from bot.checks.owners import explain_problem
from bot.slack.directory import CANNOT_APPROVE, NO_ACTIVE_MEMBERS, NO_SUCH_GROUP


@pytest.mark.parametrize(
    ("code", "found"),
    [
        (NO_SUCH_GROUP, "there is no such user group in Slack"),
        (NO_ACTIVE_MEMBERS, "the user group has no active members"),
        (CANNOT_APPROVE, "is deactivated, a bot, a guest or of another workspace in Slack, and cannot approve"),
        ("plan_upgrade_required", "this workspace has no user groups, they come with a paid Slack plan"),
        ("users_not_found", "no active person has this e-mail in Slack"),
        ("user_not_found", "there is nobody with this user id in Slack"),
    ],
)
def test_a_known_code_is_explained_whatever_the_words(code: str, found: str) -> None:
    assert explain_problem(OwnerProblem("@data", "is deactivated, or so it seems", code))[0] == found


@pytest.mark.parametrize("code", [None, "enterprise_is_restricted"])
def test_other_problems_are_told_in_the_directory_s_words(code: str | None) -> None:
    # A group may have any handle: “@is-deactivated” and “@users_not_found” are ordinary names.
    problem = OwnerProblem("@users_not_found", "Slack answered no_such_user_group in users_not_found", code)
    assert explain_problem(problem) == (problem.why, "Correct it, or take it out.")
