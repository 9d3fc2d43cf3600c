"""Queries about the looks for tasks that go on after access has ended."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import update
from sqlmodel import col, select

from bot.access.models.grants import Grant
from bot.access.models.requests import AccessRequest
from bot.access.store.session import SessionBase

_REQUEST = col(AccessRequest.id) == col(Grant.id)


class UnfinishedTaskQueries(SessionBase):
    """The looks that are due."""

    def integrations_to_look_at(self, now: datetime) -> Sequence[str]:
        """The integrations with grants that have ended, and whose cluster is due a look for tasks that go on."""
        due = select(AccessRequest.integration).join(Grant, _REQUEST).where(col(Grant.look_at) <= now)
        return self._session.exec(due.distinct().order_by(AccessRequest.integration)).all()

    def grants_to_look_for(self, integration: str, now: datetime, most: int) -> Sequence[tuple[Grant, AccessRequest]]:
        """Those grants of one integration."""
        found = self._session.exec(
            select(Grant, AccessRequest)
            .join(AccessRequest, _REQUEST)
            .where(col(Grant.look_at) <= now, col(AccessRequest.integration) == integration)
            .order_by(col(Grant.look_at), col(Grant.id))
            .limit(most)
        ).all()
        return [(grant, request) for grant, request in found]

    def look_for(self, grants: Sequence[Grant], at: datetime | None) -> None:
        """Schedules that look; `None` for no more."""
        ids = [grant.id for grant in grants]
        self._execute(update(Grant).where(col(Grant.id).in_(ids)).values(look_at=at))
