"""Tells people where they typed what no message can tell them: that nobody was asked, or how a request ended."""

import threading
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from time import monotonic

from bot.access.models.requests import AccessRequest
from bot.access.requests.service import Submission
from bot.access.states import RequestState
from bot.slack.blocks import answers
from bot.slack.blocks.content import MessageContent
from bot.slack.blocks.messages import untold
from bot.slack.responder import Reply

LOOK_EVERY = timedelta(seconds=0.5)

WATCH_SECONDS = 60.0
"""How long an answer is followed up. Slack refuses a message within moments, or takes it."""

_MOST_WATCHED = 1000


@dataclass(frozen=True)
class _Watched:
    request_id: str
    show: Reply
    until: float


@dataclass(frozen=True)
class UntoldOutcomes:
    """Follows up the answers that said that a request is filed.

    While the app's Messages tab is off, Slack refuses the messages to the owners, which cancels the request, and the
    message about that as well. `find` returns those of these requests whose outcome was refused.
    """

    find: Callable[[Sequence[str]], Sequence[AccessRequest]]
    _watched: deque[_Watched] = field(default_factory=lambda: deque(maxlen=_MOST_WATCHED))
    _guard: threading.Lock = field(default_factory=threading.Lock)

    def filed(self, result: Submission, show: Reply) -> MessageContent:
        """The answer about a request, which is followed up by `show` if its owners or its requester are not reached."""
        if result.duplicate is None and result.request.state is RequestState.PENDING:
            with self._guard:
                self._watched.append(_Watched(result.request.id, show, monotonic() + WATCH_SECONDS))
        return answers.filed(result)

    def run_once(self) -> None:
        """Shows the outcomes that could not be sent, each once."""
        with self._guard:
            now = monotonic()
            while self._watched and self._watched[0].until <= now:
                self._watched.popleft()
            watched = {each.request_id: each for each in self._watched}
        if not watched:
            return
        for request in self.find(list(watched)):
            each = watched[request.id]
            with self._guard, suppress(ValueError):  # more recent ones have taken its place
                self._watched.remove(each)
            each.show(untold(request))
