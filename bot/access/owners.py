"""The current owners of requests and integrations. Everything is looked up now and raises `Outage`."""

from collections.abc import Sequence

from bot.access.models.requests import AskedGroup
from bot.access.policy.model import Integration
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


def is_owner_of(
    directory: Directory, integration: Integration | None, groups: Sequence[AskedGroup], person: str
) -> bool:
    """Whether the person is an owner of the integration or of one of the groups."""
    return person in integration_owners(directory, integration) or any(
        person in group_owners(directory, group) for group in groups
    )


MOST_ASKED = 20
"""Owners who get a message each about one request. More would be noise; the others may still decide."""
