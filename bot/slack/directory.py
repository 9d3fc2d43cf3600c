"""Who is who: user ids, e-mails and group handles become active people."""

import threading
from collections.abc import Callable, Sequence
from time import monotonic
from typing import Any

import structlog
from slack_sdk import WebClient

from bot.access.errors import Refusal
from bot.access.ports import Members
from bot.slack.errors import domain_errors

FRESH_SECONDS = 60.0
"""How long an answer serves. Slack allows 20 group calls a minute and 100 user calls."""

log = structlog.get_logger(__name__)

_GROUPS = "@"
"""The key of all user groups among what is known."""


class SlackDirectory:
    """A `Directory` of the workspace. All groups are read in one call, at most once a minute."""

    def __init__(self, client: WebClient, clock: Callable[[], float] = monotonic) -> None:
        self._client = client
        self._clock = clock
        self._turn = threading.Lock()
        self._known: dict[str, tuple[float, Any]] = {}
        self._said = False

    def members(self, owners: Sequence[str]) -> Members:
        """The active people behind these owners, each once, and what stood for nobody. Raises `Outage`."""
        users: list[str] = []
        problems: list[str] = []
        for owner in owners:
            try:
                users += self._members_of(owner)
            except Refusal as error:
                problems.append(f"{owner}: {error}")
        return Members(tuple(dict.fromkeys(users)), tuple(problems))

    def forget_groups(self) -> None:
        """Slack said that a group has changed: it is read anew when it matters next."""
        self._known.pop(_GROUPS, None)

    def _members_of(self, owner: str) -> list[str]:
        if owner.startswith("@"):
            groups = self._fresh(_GROUPS, self._groups)
            if owner[1:] not in groups:
                raise Refusal("no such user group in Slack")
            active = [user for user in groups[owner[1:]] if self._active(user)]
            if not active:
                raise Refusal("the user group has no active members")
            return active
        user = self._active(owner)
        if user is None:
            raise Refusal("is deactivated, a bot or a guest in Slack")
        return [user]

    def _active(self, owner: str) -> str | None:
        user: str | None = self._fresh(owner, lambda: self._user(owner))
        return user

    def _fresh(self, key: str, read: Callable[[], Any]) -> Any:
        known = self._known.get(key)
        if known is None or not self._serves(known):
            # One reader at a time: a hundred requests at once are one call, not a hundred.
            with self._turn:
                known = self._known.get(key)
                if known is None or not self._serves(known):
                    known = self._known[key] = (self._clock(), _answer_or_refusal(read))
        if isinstance(known[1], Refusal):
            raise known[1]
        return known[1]

    def _serves(self, known: tuple[float, Any]) -> bool:
        return self._clock() - known[0] <= FRESH_SECONDS

    def _groups(self) -> dict[str, list[str]]:
        try:
            with domain_errors():
                answer = self._client.usergroups_list(include_users=True)
        except Refusal as error:
            if not self._said:
                log.warning("user groups cannot be read, so nobody is an owner by one: see bot check", error=str(error))
            self._said = True
            raise
        return {str(group["handle"]): list(group.get("users", [])) for group in answer["usergroups"]}

    def _user(self, owner: str) -> str | None:
        """The id of an active person; `None` for one who may not decide."""
        with domain_errors():
            if "@" in owner:
                user = self._client.users_lookupByEmail(email=owner)["user"]
            else:
                user = self._client.users_info(user=owner)["user"]
        outside = ("deleted", "is_bot", "is_restricted", "is_ultra_restricted")
        return None if any(user.get(each) for each in outside) else str(user["id"])


def _answer_or_refusal(read: Callable[[], Any]) -> Any:
    # A refusal is an answer too: an e-mail that Slack does not know is not asked for again at every request.
    try:
        return read()
    except Refusal as refusal:
        return refusal
