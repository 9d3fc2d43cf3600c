"""Takes payloads in: a row in the inbox, then the acknowledgement, then the work."""

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextvars import copy_context
from datetime import timedelta
from functools import partial
from http import HTTPStatus

import structlog
from slack_bolt import App, BoltRequest, BoltResponse, Respond

from bot.access.models.inbox import InboxEntry
from bot.access.notifications.inbox import Inbox
from bot.access.ports import Clock
from bot.access.store.inbox import InboxWork, current_work, set_current_work
from bot.slack.ack_queue import AckQueue
from bot.slack.actor import read_actor
from bot.slack.app import LISTENER_THREADS
from bot.slack.blocks import answers
from bot.slack.blocks.content import MessageContent
from bot.slack.blocks.messages import done_before_restart
from bot.slack.intake.payloads import Body, asks_for_something, entry_id, has_no_answer, person_of, stored_part
from bot.slack.membership import Team
from bot.slack.responder import reply_in_dm, reply_privately

RESPONSE_URL_LASTS = timedelta(minutes=25)
"""Slack takes answers to a `response_url` for thirty minutes."""

HAND_ON_SECONDS = 5.0
"""How long a stopping process waits until all that it acknowledged is in the hands of a thread. A commit takes
milliseconds; without a database nothing is acknowledged."""

log = structlog.get_logger(__name__)


class Intake:
    """Takes in payloads whose only answer is the acknowledgement, and works on them in threads of its own.

    They are acknowledged as soon as they are stored. When the working threads acknowledged, two hundred commands at
    once waited 0.7 s for it (measured): Python runs one thread at a time, and each command passed through all of Bolt.
    """

    def __init__(self, app: App, inbox: Inbox, ack_queue: AckQueue, team: Team, clock: Clock) -> None:
        self._app = app
        self._inbox = inbox
        self._ack_queue = ack_queue
        self._team = team
        self._clock = clock
        self._acknowledged: list[tuple[Body, InboxWork]] = []
        self._taken = 0
        self._handed_on = threading.Condition()
        inbox.after_group = self._start_group
        self._threads = ThreadPoolExecutor(LISTENER_THREADS, thread_name_prefix="acknowledged")

    def takes(self, body: Body) -> bool:
        """Whether the payload is one of ours that needs no answer."""
        return has_no_answer(body) and self._team.recognizes(body)

    def take(self, body: Body, acknowledge: Callable[[], None]) -> None:
        """Stores the payload, calls `acknowledge`, and then works on it. Returns at once.

        Without a database nothing is stored, and the answer says so, unless it needs none.
        """
        if not asks_for_something(body):
            acknowledge()
            self._submit(body, None)
            return
        who = read_actor(body)
        with self._handed_on:
            self._taken += 1
        stored = self._inbox.put(entry_id(body), person_of(who.person if who else None), stored_part(body))
        stored.add_done_callback(partial(self._stored, body, acknowledge))

    def take_up(self, entries: Sequence[InboxEntry]) -> None:
        """Works on claimed entries that another process left behind, or that failed here."""
        for entry in entries:
            work = self._inbox.adopt(entry)
            if work is None:
                continue
            body = dict(entry.body or {})
            if self._clock.now() - entry.received_at > RESPONSE_URL_LASTS:
                body.pop("response_url", None)
            if not work.applied:
                self._submit(body, work)
                continue
            self._inbox.finish(work)
            if "command" in body or body.get("type") == "view_submission":
                self._threads.submit(self._reply, body, done_before_restart(entry.received_at))

    def finish(self) -> None:
        """Returns when all that was taken is handed to its listener."""
        with self._handed_on:
            self._handed_on.wait_for(lambda: self._taken == 0, HAND_ON_SECONDS)
        self._threads.shutdown(wait=True)

    def dispatch(self, request: BoltRequest, work: InboxWork | None = None) -> BoltResponse:
        """Passes a payload to Bolt and returns its answer. `work` is its entry, if it is stored already."""

        def run() -> BoltResponse:
            set_current_work(work)
            answer = self._app.dispatch(request)
            stored = current_work()
            # Stored by the middleware, and its listener has left nothing to do. Forms end their entries themselves.
            if work is None and stored is not None and has_no_answer(request.body) and not stored.handed_on:
                self._inbox.finish(stored)
            return answer

        return copy_context().run(run)

    def _stored(self, body: Body, acknowledge: Callable[[], None], stored: "Future[InboxWork | None]") -> None:
        error = stored.exception()
        try:
            acknowledge()
        except Exception:  # it is stored, so it is done all the same
            log.exception("a bug: a payload was not acknowledged", kind=body.get("type"))
        work = None
        if error is None:
            work = stored.result()
        else:
            # Its own answer says what cannot be done. What only reads, or is refused, needs no row.
            self._submit(body, None)
        if work is not None:
            self._acknowledged.append((body, work))
        else:
            self._hand_on(1)

    def _start_group(self) -> None:
        """Starts the work once the whole group is acknowledged: each thread that works delays the next of them."""
        group, self._acknowledged = self._acknowledged, []
        for body, work in group:
            self._submit(body, work)
        self._hand_on(len(group))

    def _hand_on(self, count: int) -> None:
        with self._handed_on:
            self._taken -= count
            self._handed_on.notify_all()

    def _submit(self, body: Body, work: InboxWork | None) -> None:
        try:
            self._threads.submit(self._process, body, work)
        except RuntimeError:  # we are stopping: it is stored, and another process or the next start takes it up
            if work is not None:
                self._inbox.release(work)

    def _process(self, body: Body, work: InboxWork | None) -> None:
        try:
            self._ack_queue.wait_for_pause()
            answer = self.dispatch(BoltRequest(mode="socket_mode", body=body), work)
            if answer.status != HTTPStatus.OK or answer.body:
                log.warning("a payload was not processed", kind=body.get("type"), status=answer.status)
                self._reply(body, answers.unreachable("Slack does not say who is served here"))
            if work is not None and not work.handed_on:
                self._inbox.finish(work)
        except Exception as error:
            log.exception("a bug: a payload was not processed", kind=body.get("type"))
            if work is not None and not self._inbox.retry(work, error) and not work.postponed:
                self._inbox.finish(work)

    def _reply(self, body: Body, content: MessageContent) -> None:
        """Tells the person: Slack shows no error after an acknowledgement."""
        where, who = body.get("response_url"), read_actor(body)
        if isinstance(where, str):
            reply_privately(Respond(response_url=where))(content)
        elif who is not None and "event" not in body:
            reply_in_dm(self._app.client, who.person)(content)
