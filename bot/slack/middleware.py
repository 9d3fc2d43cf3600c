"""Runs before every listener: checks the workspace of a payload, and notes who acts."""

from collections.abc import Callable, Sequence
from concurrent.futures import Executor, Future
from contextvars import ContextVar, copy_context
from dataclasses import dataclass
from time import monotonic
from typing import Any, TypeVar

import structlog
from slack_bolt import BoltResponse
from slack_sdk import WebClient

from bot.access.audit.refusals import Refusals
from bot.access.errors import NotAllowed, Outage, Refusal
from bot.access.ids import read_id
from bot.slack.errors import domain_errors

_T = TypeVar("_T")

log = structlog.get_logger(__name__)

NOT_SERVED = "This es-access serves another Slack workspace. Ask in that one."


@dataclass(frozen=True)
class Actor:
    """The user of a payload, the action, and the request if the payload names one."""

    person: str
    action: str
    request_id: str | None = None


_acting: ContextVar[Actor | None] = ContextVar("acting", default=None)


def current_actor() -> Actor | None:
    """The actor of the payload that this thread works on."""
    return _acting.get()


class Team:
    """The workspace of the bot token. Slack is asked until it has answered once."""

    def __init__(self, client: WebClient) -> None:
        self._client = client
        self._ids: frozenset[str] = frozenset()
        self.heard_at: float | None = None

    def silence(self) -> float | None:
        """The seconds since the last genuine payload; `None` before the first."""
        return monotonic() - self.heard_at if self.heard_at is not None else None

    def identify(self) -> dict[str, Any]:
        """Asks Slack about the bot token and returns the answer. Raises `Outage`, `Refusal`."""
        with domain_errors(self._client):
            who = dict(self._client.auth_test().data)  # type: ignore[arg-type]  # JSON answers are dicts
        self._ids = frozenset(str(who[name]) for name in ("team_id", "enterprise_id") if who.get(name))
        return who

    def recognizes(self, teams: Sequence[str]) -> bool:
        """Whether all of these are this workspace or its organisation, as far as known. False for no ids."""
        return bool(teams) and self._ids.issuperset(teams)

    def has(self, team: str) -> bool:
        """Whether that is the id of this workspace or of its organisation. Raises `Outage`."""
        if not self._ids:
            try:
                self.identify()
            except Refusal as error:
                raise Outage(str(error)) from None
        return team in self._ids


@dataclass(frozen=True)
class WorkspaceMiddleware:
    """A Bolt middleware that refuses and audits payloads of other workspaces."""

    team: Team
    refusals: Refusals

    def __call__(self, body: dict[str, Any], next: Callable[[], BoltResponse]) -> BoltResponse:  # noqa: A002 (Bolt's name)
        """Passes the payload on, or answers it."""
        who = _who(body)
        try:
            foreign = [each for each in teams_of(body) if not self.team.has(each)]
        except Outage as error:
            log.warning("a payload was not accepted: Slack does not say which workspace is ours", error=str(error))
            return BoltResponse(status=503, body="")
        if foreign:
            log.warning("a payload of another workspace was refused", team=foreign[0])
            if who is not None:
                self.refusals.record(who.person, who.action, NotAllowed(f"{NOT_SERVED} ({foreign[0]})"), who.request_id)
            return BoltResponse(status=200, body=NOT_SERVED if "command" in body else "")
        self.team.heard_at = monotonic()
        _acting.set(who)
        return next()


def teams_of(body: dict[str, Any]) -> list[str]:
    """Every workspace that a payload names: its own, and the actor's, which differs under Slack Connect."""
    team, user = body.get("team"), body.get("user")
    named = [
        body.get("team_id"),
        team.get("id") if isinstance(team, dict) else None,
        user.get("team_id") if isinstance(user, dict) else None,
    ]
    return [str(each) for each in named if each]


class ContextExecutor(Executor):
    """Runs work in another executor with the caller's context, so that `current_actor` works there."""

    def __init__(self, threads: Executor) -> None:
        self._threads = threads

    def submit(self, fn: Callable[..., _T], /, *args: Any, **kwargs: Any) -> "Future[_T]":
        """See `Executor.submit`."""
        return self._threads.submit(copy_context().run, fn, *args, **kwargs)


def _who(body: dict[str, Any]) -> Actor | None:
    user = body.get("user")
    person = body.get("user_id") or (user.get("id") if isinstance(user, dict) else None)
    if not person:
        return None
    actions, view = body.get("actions"), body.get("view")
    if isinstance(actions, list) and actions:
        return Actor(str(person), str(actions[0].get("action_id")), read_id(str(actions[0].get("value") or "")))
    if isinstance(view, dict):
        return Actor(str(person), str(view.get("callback_id")), read_id(str(view.get("private_metadata") or "")))
    words = str(body.get("text") or "").split()
    about = next((found for word in words[1:2] if (found := read_id(word))), None)
    return Actor(str(person), str(body.get("command") or body.get("type")), about)
