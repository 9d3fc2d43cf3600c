"""What a person may look up: their own requests, and those that they decide on."""

from collections.abc import Sequence
from dataclasses import dataclass

from bot.access.errors import NotFound
from bot.access.ports import Store, Story
from bot.access.requests import Requests

MOST_LISTED = 20
"""In one answer: what fits on a screen."""


@dataclass(frozen=True)
class History:
    """Reads; changes nothing."""

    store: Store
    requests: Requests

    def mine(self, person: str) -> Sequence[Story]:
        """The person's newest requests, newest first."""
        with self.store.reading() as read:
            return read.requests_of(person, MOST_LISTED)

    def status(self, request_id: str, person: str) -> Story:
        """One request, for its requester and its owners. Raises `NotFound` for anybody else, `Outage`."""
        with self.store.reading() as read:
            request = read.request(request_id)
            story = read.story(request_id) if request else None
        if story is None or not (
            person in (story.request.requester, *story.request.owners)
            or self.requests.may_decide(story.request, person)
        ):
            raise NotFound(request_id)
        return story
