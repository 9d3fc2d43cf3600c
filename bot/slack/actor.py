"""Who acts: the person of the payload that a thread works on."""

from collections.abc import Callable
from concurrent.futures import Executor, Future
from contextvars import ContextVar, copy_context
from dataclasses import dataclass
from functools import partial
from typing import Any, ParamSpec, TypeVar

from bot.access.ids import read_id
from bot.slack.command.words import bare_id, typed_words

_P = ParamSpec("_P")
_T = TypeVar("_T")


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


def set_current_actor(actor: Actor | None) -> None:
    """Notes the actor for this thread and for the work that it hands on."""
    _acting.set(actor)


def read_actor(body: dict[str, Any]) -> Actor | None:
    """The actor of a payload; `None` if it names no person."""
    user, event = body.get("user"), body.get("event")
    person = body.get("user_id") or (user.get("id") if isinstance(user, dict) else None)
    if not person and isinstance(event, dict) and isinstance(event.get("user"), str):
        return Actor(event["user"], str(event.get("type")))
    if not person:
        return None
    actions, view = body.get("actions"), body.get("view")
    if isinstance(actions, list) and actions:
        return Actor(str(person), str(actions[0].get("action_id")), read_id(str(actions[0].get("value") or "")))
    if isinstance(view, dict):
        return Actor(str(person), str(view.get("callback_id")), read_id(str(view.get("private_metadata") or "")))
    words = typed_words(str(body.get("text") or ""))
    about = next((found for word in words[1:2] if (found := read_id(bare_id(word)))), None)
    return Actor(str(person), str(body.get("command") or body.get("type")), about)


class ContextExecutor(Executor):
    """Runs work in another executor with the caller's context, so that `current_actor` works there."""

    def __init__(self, threads: Executor) -> None:
        self._threads = threads

    def submit(self, fn: Callable[_P, _T], /, *args: _P.args, **kwargs: _P.kwargs) -> "Future[_T]":
        """See `Executor.submit`."""
        context, call = copy_context(), partial(fn, *args, **kwargs)
        return self._threads.submit(lambda: context.run(call))
