"""Counter-offers."""

from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import JSON, Column, Index
from sqlmodel import Field, SQLModel

from bot.access.models.columns import names_of


class OfferState(StrEnum):
    """The state of a counter-offer. An open one lapses when its request is decided."""

    OPEN = "open"
    ACCEPTED = "accepted"
    DECLINED = "declined"
    REPLACED = "replaced"  # by a newer one of the same owner


class CounterOffer(SQLModel, table=True):
    """Less than was requested, offered by an owner; the requester may accept it. `duration` is in seconds.

    `limits` are those of fields and documents that it adds to the permission's own.
    """

    __tablename__ = "counter_offer"
    __table_args__ = (Index("counter_offer_of_request", "request_id"),)

    id: int | None = Field(default=None, primary_key=True)
    request_id: str = Field(foreign_key="access_request.id", max_length=16)
    by: str = Field(max_length=32)
    patterns: list[str] = Field(sa_column=Column(JSON, nullable=False))
    permission: str = Field(max_length=64)
    duration: int
    limits: dict[str, Any] | None = Field(default=None, sa_column=Column(JSON, nullable=True))
    at: datetime
    state: OfferState = Field(default=OfferState.OPEN, sa_column=Column(names_of(OfferState), nullable=False))
    decided_at: datetime | None = None

    @property
    def length(self) -> timedelta:
        """The duration that is offered."""
        return timedelta(seconds=self.duration)
