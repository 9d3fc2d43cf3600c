"""Limits of a permission together with others: those of an offer, or those that a request was approved with."""

from bot.access.errors import InvalidRequest, RequestField
from bot.access.models.limits import Limits
from bot.access.policy.limits.fields import hide, shared_fields
from bot.access.policy.limits.query import both


def combined(one: Limits, other: Limits) -> Limits:
    """Limits that show what both show, or less. Raises `InvalidRequest` if that is nothing, or no role can say it."""
    grant = shared_fields(one.grant, other.grant)
    if (one.grant or other.grant) and not grant:
        raise InvalidRequest("No field is left that it shows.", about=RequestField.PERMISSION)
    held = hide(hide(Limits(grant), one.hidden), other.hidden)
    return Limits(held.grant, held.hidden, both(one.query, other.query))
