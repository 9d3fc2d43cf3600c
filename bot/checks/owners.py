"""Whether there is somebody who can approve: each owner is looked up as a request would do it."""

from bot.access.errors import Outage
from bot.checks.configuration import Configuration
from bot.checks.report import Report
from bot.slack.app import web_client
from bot.slack.directory import SlackDirectory
from bot.slack.scopes import scope_of

_FIXES = {
    "plan_upgrade_required": (
        "this workspace has no user groups, they come with a paid Slack plan",
        "Name the people instead, by e-mail or user id.",
    ),
    "users_not_found": (
        "no active person has this e-mail in Slack",
        "Compare it with the person's Slack profile; a person who left has to be taken out.",
    ),
    "user_not_found": (
        "there is nobody with this user id in Slack",
        "Slack profile > ⋮ > Copy member ID gives the right one.",
    ),
    "no such user group": (
        "there is no such user group in Slack",
        "Compare the handle in Slack, People & user groups > User groups.",
    ),
    "no active members": (
        "the user group has no active members",
        "Add members to it in Slack, People & user groups > User groups.",
    ),
    "is deactivated": (
        "is deactivated, a bot or a guest in Slack, and cannot approve",
        "Name somebody else.",
    ),
}
"""A part of what Slack or the directory says → what that means here, and what to do."""


def check_owners(report: Report, configuration: Configuration, scopes: frozenset[str] | None) -> None:
    """A line for each owner, and one for all of them together. `scopes` are the bot's, `None` without Slack."""
    lacks = configuration.lacks("INTEGRATION_OWNER") or ("" if scopes is not None else "needs Slack, see above")
    if lacks or scopes is None:
        report.skip("owners", lacks)
        return
    settings = configuration.settings
    directory = SlackDirectory(web_client(settings.slack_bot_token, settings.slack_api_url))
    found: set[str] = set()
    unknown = 0
    for owner in settings.integration_owner:
        if scope_of(owner) not in scopes:
            report.skip(f"owner {owner}", f"needs the scope {scope_of(owner)}, see above")
            unknown += 1
            continue
        try:
            found |= _check_owner(report, directory, owner)
        except Outage as error:
            report.fail(f"owner {owner}: {error}", "Wait a minute and run `bot check` again.")
            return
    _check_all(report, found, unknown)


def _check_owner(report: Report, directory: SlackDirectory, owner: str) -> frozenset[str]:
    members = directory.members([owner])
    for problem in members.problems:
        found, to_do = _explained(problem.removeprefix(f"{owner}: "))
        report.fail(f"owner {owner}: {found}", f"{to_do} Owners are set in INTEGRATION_OWNER.")
    if not members.problems:
        report.ok(f"owner {owner}: {_people(len(members.users))}")
    return frozenset(members.users)


def _explained(problem: str) -> tuple[str, str]:
    return next(
        (meaning for part, meaning in _FIXES.items() if part in problem),
        (problem, "Correct it, or take it out."),
    )


def _check_all(report: Report, found: set[str], unknown: int) -> None:
    if len(found) > 1:
        report.ok(f"owners: {_people(len(found))} may approve")
    elif unknown:
        report.skip("owners", "not all of them could be looked up")
    elif found:
        report.warn(
            "owners: 1 person may approve, and nobody may approve a request of their own",
            "Add a second person to INTEGRATION_OWNER, or that person can ask for nothing.",
        )
    else:
        report.fail(
            "owners: nobody is left who may approve",
            "Name at least two active people in INTEGRATION_OWNER: user ids, e-mails or @group handles.",
        )


def _people(count: int) -> str:
    return "1 person" if count == 1 else f"{count} people"
