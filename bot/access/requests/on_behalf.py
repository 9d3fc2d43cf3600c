"""Requests for somebody else: who may file them, and the person they are for."""

from bot.access.errors import InvalidRequest, NotAllowed, Refusal
from bot.access.policy.access_flow import AccessFlow
from bot.access.ports import Directory
from bot.access.requests.membership import check_belongs

_MOST_SHOWN = 40
"""Characters of a typed name that an answer repeats."""


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
