"""Who may approve, deny or review a request: an owner, no guest, and not the requester or the asker themselves.

A person who asks for somebody else stays the asker until the access ends: an extension counts as their own request,
too. Only an access flow with `self_approval` lets people decide on their own requests. Nobody reviews their own
break-glass access.
"""

from collections.abc import Iterable, Sequence
from typing import NoReturn, Protocol

from bot.access.errors import AccessError, NotAllowed
from bot.access.models.requests import AccessRequest
from bot.access.policy.model import Policy
from bot.access.policy.owner_groups import OwnerGroup
from bot.access.ports import Directory
from bot.access.requests.drafts import ParsedRequest


class PersonalRequest(Protocol):
    """A request, stored or not yet, as far as it says whose it is."""

    @property
    def requester(self) -> str: ...

    @property
    def asked_by(self) -> str | None: ...

    @property
    def first_asked_by(self) -> str | None: ...


def is_own_request(request: PersonalRequest, person: str) -> bool:
    """Whether the person is the requester, or filed for the requester this request or the one that it extends."""
    return person in (request.requester, request.asked_by, request.first_asked_by)


def allows_self_approval(policy: Policy, request: AccessRequest) -> bool:
    """Whether the request's access flow, as it is now, lets people decide on their own requests."""
    flow = policy.flow(request.flow)
    return flow is not None and flow.self_approval


def eligible_approvers(people: Iterable[str], request: PersonalRequest, *, self_approval: bool) -> tuple[str, ...]:
    """Those of the people who may be asked to decide on the request."""
    return tuple(person for person in people if self_approval or not is_own_request(request, person))


def eligible_reviewers(people: Iterable[str], request: PersonalRequest) -> tuple[str, ...]:
    """Those of the people who may be asked to review break-glass access."""
    return eligible_approvers(people, request, self_approval=False)


def check_may_approve(policy: Policy, request: AccessRequest, actor: str) -> None:
    """Raises `NotAllowed` for the actor's own request, unless its access flow allows self-approval."""
    if not eligible_approvers((actor,), request, self_approval=allows_self_approval(policy, request)):
        asked_for = request.extends if actor == request.first_asked_by and request.extends else request.id
        raise NotAllowed(f"You asked for {asked_for} yourself, so somebody else has to decide.")


def check_may_review(request: AccessRequest, actor: str) -> None:
    """Raises `NotAllowed` for the actor's own break-glass access."""
    if not eligible_reviewers((actor,), request):
        raise NotAllowed(f"You asked for {request.id} yourself, so somebody else has to review it.")


def is_guest(directory: Directory, member: str) -> bool:
    """Whether a member of an owner group is a guest of the workspace. Raises `Outage`.

    Members of a large group are taken as Slack lists them, guests included, so each is checked when they act.
    """
    return member not in directory.members((member,)).users


def raise_no_approver(group: OwnerGroup, users: Sequence[str], parsed: ParsedRequest) -> NoReturn:
    """Raises `AccessError` for a request that nobody could approve. `users` are the people behind the owners."""
    if users and parsed.asked_by and {*users} <= {parsed.requester, parsed.asked_by}:
        why = f"it has no owner beside you and <@{parsed.requester}>, and nobody approves their own request."
    elif tuple(users) == (parsed.requester,):
        why = "you are its only owner, and nobody approves their own request."
    elif users:
        why = f"it takes {group.approvals} owners, and there are not so many."
    else:
        why = "none of its owners can be reached in Slack."
    do = "review" if parsed.break_glass else "approve"
    raise AccessError(
        f"Nobody can {do} this: {why} Ask an administrator to add an owner to the integration {group.label}."
    )
