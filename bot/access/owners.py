"""The current owners of requests and integrations. Everything is looked up now and raises `Outage`."""

from collections.abc import Sequence
from itertools import zip_longest

from bot.access.models.requests import AskedGroup
from bot.access.policy.model import Integration
from bot.access.policy.owner_groups import OwnerGroup
from bot.access.ports import Directory


def integration_owners(directory: Directory, integration: Integration | None) -> tuple[str, ...]:
    """The people behind the owner of an integration; nobody if the policy no longer has the integration."""
    return directory.members(integration.owner).users if integration is not None else ()


def notified_owners(directory: Directory, integration: Integration) -> tuple[str, ...]:
    """The integration owners who get a message each: the first `MOST_ASKED`."""
    return integration_owners(directory, integration)[:MOST_ASKED]


def group_owners(directory: Directory, *groups: AskedGroup) -> tuple[str, ...]:
    """The people behind the owners of these groups, who may differ from those asked at filing."""
    return directory.members([owner for group in groups for owner in group.owners]).users


def people_to_ask(groups: Sequence[OwnerGroup]) -> tuple[str, ...]:
    """Up to `MOST_ASKED` people, taken from the groups in turn, but at least one from each group."""
    rounds = zip_longest(*(group.people for group in groups))
    people = dict.fromkeys(person for each in rounds for person in each if person is not None)
    return tuple(people)[: max(MOST_ASKED, len(groups))]


def is_owner_of(
    directory: Directory, integration: Integration | None, groups: Sequence[AskedGroup], person: str
) -> bool:
    """Whether the person is an owner of the integration or of one of the groups."""
    return person in integration_owners(directory, integration) or any(
        person in group_owners(directory, group) for group in groups
    )


MOST_ASKED = 20
"""Owners who get a message each about one request. More would be noise; the others may still decide."""
