"""What a transaction does for the review of break-glass access."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import update
from sqlmodel import col, select

from bot.access.errors import LostRace
from bot.access.models.requests import AccessRequest
from bot.access.states import RequestState
from bot.access.store.session import SessionBase


class ReviewQueries(SessionBase):
    """Requests that were approved without waiting for anybody."""

    def reviews_due(self, now: datetime, most: int) -> Sequence[AccessRequest]:
        """Requests that nobody has reviewed and whose owners are to be reminded now, the longest due in front."""
        # It is set with the approval alone: with the state beside it the databases would take the index on that.
        due = select(AccessRequest).where(col(AccessRequest.review_at) <= now)
        return self._session.exec(due.order_by(col(AccessRequest.review_at), col(AccessRequest.id)).limit(most)).all()

    def review(self, request: AccessRequest, actor: str, at: datetime) -> None:
        """Persists who reviewed it. Raises `LostRace` when somebody has, or it is not to be reviewed."""
        waiting = (
            col(AccessRequest.id) == request.id,
            col(AccessRequest.state) == RequestState.APPROVED,
            col(AccessRequest.break_glass).is_(True),
            col(AccessRequest.reviewed_at).is_(None),
        )
        reviewed = {"reviewed_by": actor, "reviewed_at": at, "review_at": None}
        if self._execute(update(AccessRequest).where(*waiting).values(**reviewed)) != 1:
            raise LostRace(request.id)

    def put_review_off(self, request: AccessRequest, until: datetime) -> bool:
        """Sets when its owners are reminded next. False when it was reviewed, or another process was here."""
        as_read = (col(AccessRequest.id) == request.id, col(AccessRequest.review_at) == request.review_at)
        return self._execute(update(AccessRequest).where(*as_read).values(review_at=until)) == 1
