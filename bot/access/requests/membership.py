"""Who belongs to the workspace, who to the requesters of an access flow, and who may ask for somebody else."""

from collections.abc import Sequence

from bot.access.errors import InvalidRequest, NotAllowed, Outage, Refusal
from bot.access.policy.access_flow import AccessFlow
from bot.access.policy.decision import MemberOf
from bot.access.ports import Directory

_MOST_SHOWN = 40
"""Characters of a typed name that an answer repeats."""


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


def find_person(directory: Directory, typed: str) -> str:
    """Finds a person's Slack id by id, mention, e-mail or @name. Raises `InvalidRequest`, `Outage`."""
    try:
        return directory.find(typed)
    except Refusal as error:
        end = "" if str(error).endswith("?") else "."
        raise InvalidRequest(
            f"I cannot find “{typed[:_MOST_SHOWN]}” in Slack: {error}{end} An e-mail address works, too.",
            "/es-access logs-* 1h --for ada@example.com",
        ) from None


def check_for_others(directory: Directory, flow: AccessFlow, asked_by: str | None) -> None:
    """Raises `NotAllowed` if the flow does not let `asked_by` file for somebody else, and `Outage`."""
    if asked_by is None:
        return
    check_belongs(directory, asked_by)
    if flow.for_others is True:
        return
    if flow.for_others is False:
        raise NotAllowed(f"Under the access flow “{flow.name}” everybody asks for themselves.", "/es-access logs-* 1h")
    if not directory.includes(flow.for_others, asked_by).found:
        raise NotAllowed(f"The access flow “{flow.name}” does not let you ask for somebody else.")
