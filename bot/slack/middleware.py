"""Runs before every listener: refuses people of other workspaces where they can see it, and notes who acts."""

from collections.abc import Callable
from dataclasses import dataclass
from time import monotonic
from typing import Any

import structlog
from slack_bolt import BoltResponse, Respond
from slack_sdk import WebClient

from bot.access.errors import AccessError, NotAllowed, Outage
from bot.access.requests.membership import check_belongs
from bot.access.store.inbox import current_work
from bot.slack.actor import Actor, read_actor, set_current_actor
from bot.slack.blocks import answers, modal_forms
from bot.slack.membership import Team, actor_of, origin_of
from bot.slack.responder import Reply, Responder, reply_in_modal, reply_to_click

log = structlog.get_logger(__name__)

NOT_SERVED = "This es-access serves another Slack workspace. Ask in that one."

_OK, _UNAVAILABLE = 200, 503


@dataclass(frozen=True)
class WorkspaceMiddleware:
    """A Bolt middleware that refuses and audits payloads of other workspaces, and clicks of other workspaces' people.

    The people of commands and events, which name no home workspace, are checked by the `Responder`.
    """

    team: Team
    responder: Responder

    def __call__(
        self,
        body: dict[str, Any],
        next: Callable[[], BoltResponse],  # noqa: A002 (Bolt's name)
        respond: Respond,
        client: WebClient,
    ) -> BoltResponse:
        """Passes the payload on, or answers it."""
        who = read_actor(body)
        try:
            if current_work() is None:  # a stored payload was checked before, and Slack may be away by now
                self._check(body, who)
        except Outage as error:
            log.warning("a payload was not accepted: Slack does not say whether it is ours", error=str(error))
            return BoltResponse(status=_UNAVAILABLE, body="")
        except AccessError as error:
            log.warning("a payload from elsewhere was refused", origin=str(origin_of(body)), actor=str(actor_of(body)))
            return self._refuse(body, who, error, lambda: reply_to(body, respond, client))
        self.team.heard_at = monotonic()
        set_current_actor(who)
        if not self.responder.store_unanswered(body):
            return BoltResponse(status=_OK, body="")
        return next()

    def _check(self, body: dict[str, Any], who: Actor | None) -> None:
        """Raises `NotAllowed`, `Outage`."""
        if not self.team.is_ours(origin_of(body)):
            raise NotAllowed(NOT_SERVED)
        home = actor_of(body)
        if home is not None and not self.team.is_ours(home):
            # Perhaps of another workspace of our organisation, which only Slack's answer about the person says.
            if who is None:
                raise NotAllowed(NOT_SERVED)
            check_belongs(self.responder.directory, who.person)

    def _refuse(
        self, body: dict[str, Any], who: Actor | None, error: AccessError, reply: Callable[[], Reply]
    ) -> BoltResponse:
        """Answers with the refusal in the way of that kind of payload, and audits it."""
        named = NotAllowed(f"{error.message} ({actor_of(body) or origin_of(body)})")
        content = answers.refused(error)
        kind = body.get("type")
        answer: Any = ""
        if "command" in body:
            answer = error.message
        elif kind == "view_submission":
            answer = {"response_action": "update", "view": modal_forms.refused(content.blocks).to_dict()}
        elif kind == "block_suggestion":
            answer = {"options": []}
        elif isinstance(body.get("user"), dict):  # an event has no place for an answer
            show = reply()
            self.responder.ack_queue.submit(lambda: self.responder.run_now(show, lambda: content, who))
        self.responder.record_refusal(named, who)
        return BoltResponse(status=_OK, body=answer)


def reply_to(body: dict[str, Any], respond: Respond, client: WebClient) -> Reply:
    """Replies to a refused click or shortcut: in its modal, where it was clicked, or in a direct message."""
    view = body.get("view")
    if isinstance(view, dict) and view.get("type") == "modal":
        return reply_in_modal(client, str(view["id"]))
    return reply_to_click(body, respond, client)
