"""Queries about counter-offers."""

from datetime import datetime

from sqlalchemy import and_, update
from sqlmodel import col

from bot.access.errors import LostRace
from bot.access.models.counter_offers import CounterOffer, OfferState
from bot.access.store.session import SessionBase


class CounterOfferQueries(SessionBase):
    """Counter-offers."""

    def offer(self, offer_id: int) -> CounterOffer | None:
        """The offer with that id."""
        return self._session.get(CounterOffer, offer_id, populate_existing=True)

    def save_offer(self, offer: CounterOffer) -> None:
        """Stores a new offer, replacing an open one of the same owner about the same request."""
        before = and_(
            col(CounterOffer.request_id) == offer.request_id,
            col(CounterOffer.by) == offer.by,
            col(CounterOffer.state) == OfferState.OPEN,
        )
        self._execute(update(CounterOffer).where(before).values(state=OfferState.REPLACED, decided_at=offer.at))
        self._session.add(offer)
        self._session.flush()

    def decide_offer(self, offer: CounterOffer, to: OfferState, at: datetime) -> None:
        """Ends an open offer. Raises `LostRace` if it is no longer open."""
        is_open = and_(col(CounterOffer.id) == offer.id, col(CounterOffer.state) == OfferState.OPEN)
        if self._execute(update(CounterOffer).where(is_open).values(state=to, decided_at=at)) != 1:
            raise LostRace(offer.request_id)
        offer.state, offer.decided_at = to, at
