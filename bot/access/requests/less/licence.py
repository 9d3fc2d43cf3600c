"""Whether a cluster can limit access to some fields or documents: that depends on its licence."""

from bot.access.errors import NotAllowed, Outage, Refusal, RequestField
from bot.access.policy.model import Permission
from bot.access.ports import Clusters


def can_limit(clusters: Clusters, integration: str) -> bool:
    """Whether the cluster can limit access. Without an answer it may: it is asked again before a role is made."""
    try:
        return clusters[integration].honours_limits()
    except (Outage, Refusal):
        return True


def check_can_limit(clusters: Clusters, integration: str, permission: Permission) -> None:
    """Raises `NotAllowed` for a permission with limits in a cluster that cannot limit access."""
    if permission.limits and not can_limit(clusters, integration):
        raise NotAllowed(
            f"{integration} cannot give a part of its data alone, as {permission.name} does here: the licence of the "
            "cluster has no field and document level security. Ask for another permission, or tell its owner.",
            about=RequestField.PERMISSION,
        )
