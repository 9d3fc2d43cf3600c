"""What a user, role or key found in a cluster is, by the grant of its name."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from enum import Enum

from bot.access.grants.adoption import requester_of
from bot.access.ids import CHECK_PREFIX, split_username
from bot.access.models.grants import Grant
from bot.access.ports import InventoryItem
from bot.access.states import OVER, GrantState

SETTLING = timedelta(minutes=1)
"""Objects created or removed this recently are skipped: a search may still show removed ones and miss new ones."""


class ItemStatus(Enum):
    """The relation of a found item to the database."""

    AS_KNOWN = "as known"
    NOT_OURS = "not ours"
    AGAIN = "there again"
    EARLIER = "made by an attempt whose secret is not in use"
    LATER = "made by an attempt that a restored database does not know"
    OUTDATED = "with another end than the grant has"
    CHECK = "left by a check that was killed"
    LOST = "lost from the database, and still running"
    LEFT_OVER = "left over"


def classify(found: InventoryItem, grant: Grant | None, now: datetime) -> ItemStatus:
    """Classifies a found item by the grant of its name, if there is one."""
    if found.username.startswith(CHECK_PREFIX):
        over = found.expires_at is not None and found.expires_at <= now
        return ItemStatus.CHECK if over else ItemStatus.NOT_OURS
    if grant is None:
        if not found.marked:
            return ItemStatus.NOT_OURS  # a similar name without our metadata
        return ItemStatus.LOST if _is_running(found, now) and requester_of(found) else ItemStatus.LEFT_OVER
    if grant.state is GrantState.ACTIVE:
        return _classify_live(found, grant, now)
    over = grant.state in OVER
    if not over or (grant.due_at is not None and grant.due_at <= now):
        return ItemStatus.AS_KNOWN  # it is live, or workers are about to remove it
    if grant.ended_at is not None and now - grant.ended_at < SETTLING:
        return ItemStatus.AS_KNOWN
    kept = grant.state is GrantState.REVOKED and found.username == grant.username  # disabled, for some days
    return ItemStatus.AGAIN if found.usable or found.role or (found.user and not kept) else ItemStatus.AS_KNOWN


def _classify_live(found: InventoryItem, grant: Grant, now: datetime) -> ItemStatus:
    idle = grant.task is None and (grant.claimed_until is None or grant.claimed_until < now)
    if not idle or now - (grant.delivered_at or grant.created_at) < SETTLING or grant.expires_at <= now:
        return ItemStatus.AS_KNOWN
    if found.username == grant.username:
        outdated = found.enabled and found.expires_at not in {None, grant.expires_at}
        return ItemStatus.OUTDATED if outdated else ItemStatus.AS_KNOWN
    later = grant.attempt_of(found.username) > grant.attempt
    return ItemStatus.LATER if later and _is_running(found, now) else ItemStatus.EARLIER


def _is_running(found: InventoryItem, now: datetime) -> bool:
    return found.usable and found.expires_at is not None and found.expires_at > now


def newest_of_each(some: Iterable[tuple[InventoryItem, ItemStatus]]) -> list[InventoryItem]:
    """The unknown items to adopt, one of each grant: running ones before left-over ones, then the latest attempt.

    The others belong to the same grant, which the next run knows.
    """
    best: dict[str, tuple[tuple[bool, int], InventoryItem]] = {}
    for found, status in some:
        first, attempt = split_username(found.username)
        rank = (status is ItemStatus.LOST, attempt)
        if first not in best or rank > best[first][0]:
            best[first] = (rank, found)
    return [found for _, found in best.values()]
