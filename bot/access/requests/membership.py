"""Who belongs to the workspace, and who to the requesters of an access flow."""

from collections.abc import Sequence

from bot.access.errors import NotAllowed, Outage
from bot.access.policy.decision import MemberOf
from bot.access.ports import Directory


def check_belongs(directory: Directory, person: str) -> None:
    """Refuses bots and people of other workspaces, whatever the policy says. Raises `NotAllowed`, `Outage`."""
    if not directory.belongs(person):
        raise NotAllowed(
            "Only people of this Slack workspace can use es-access; bots and people of other workspaces cannot. "
            "Ask somebody who works here to ask for you."
        )


def check_belongs_if_known(directory: Directory, person: str) -> None:
    """As `check_belongs`, but passes while Slack does not answer, so that anybody can end access. Raises `NotAllowed`.

    Everything that gives access calls `check_belongs`, and stops without an answer.
    """
    try:
        check_belongs(directory, person)
    except Outage:
        return


def membership_of(directory: Directory, person: str) -> MemberOf:
    """Answers whether the person is among some requesters; `None` if one of these is unknown. Raises `Outage`."""

    def member_of(requesters: Sequence[str]) -> bool | None:
        inclusion = directory.includes(requesters, person)
        return True if inclusion.found else False if inclusion.certain else None

    return member_of
