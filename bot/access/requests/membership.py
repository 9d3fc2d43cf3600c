"""Who may use the application at all: members and guests of its own workspace."""

from bot.access.errors import NotAllowed, Outage
from bot.access.ports import Directory


def check_belongs(directory: Directory, person: str) -> None:
    """Bots and people of other workspaces are refused, whatever the policy says. Raises `NotAllowed`, `Outage`."""
    if not directory.belongs(person):
        raise NotAllowed(
            "Only people of this Slack workspace can use es-access; bots and people of other workspaces cannot. "
            "Ask somebody who works here to ask for you."
        )


def check_belongs_if_known(directory: Directory, person: str) -> None:
    """The same, but while Slack does not say who that is nobody is kept from ending access. Raises `NotAllowed`.

    Whatever gives access asks again, and does not go on without an answer.
    """
    try:
        check_belongs(directory, person)
    except Outage:
        return
