"""What the review of break-glass access needs of a database, as a protocol that is part of `storing.Transaction`."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from bot.access.models.requests import AccessRequest


class ReviewQueries(Protocol):
    """Requests that were approved without waiting for anybody."""

    def reviews_due(self, now: datetime, most: int) -> Sequence[AccessRequest]:
        """Requests that nobody has reviewed and whose owners are to be reminded now, the longest due in front."""
        ...

    def review(self, request: AccessRequest, actor: str, at: datetime) -> None:
        """Persists who reviewed it. Raises `LostRace` when somebody has, or it is not to be reviewed."""
        ...

    def put_review_off(self, request: AccessRequest, until: datetime) -> bool:
        """Sets when its owners are reminded next. False when it was reviewed, or another process was here."""
        ...
