"""Who is ours: the one rule, by the ids of workspaces and organisations. People and payloads are judged by it alike."""

from collections.abc import Mapping
from dataclasses import dataclass
from time import monotonic
from typing import Any

from slack_sdk import WebClient

from bot.access.errors import Outage, Refusal
from bot.slack.errors import domain_errors

_ORGANISATION = "E"
"""The first letter of the id of an Enterprise Grid organisation. Slack gives it in place of a workspace as well."""


@dataclass(frozen=True)
class Affiliation:
    """The workspace and the organisation that a person or a payload is from, as far as Slack says."""

    workspace: str | None = None
    organisation: str | None = None

    def includes(self, other: "Affiliation") -> bool:
        """Whether the other is of this organisation or, where only one of them has an organisation, of this workspace.

        Nothing that Slack leaves out counts as ours.
        """
        if self.organisation and other.organisation:
            return self.organisation == other.organisation
        return self.workspace is not None and self.workspace == other.workspace

    def __str__(self) -> str:
        return " in ".join(each for each in (self.workspace, self.organisation) if each) or "unknown"


def affiliation(workspace: object, organisation: object = None) -> Affiliation:
    """From ids as Slack gives them: empty, missing, or an organisation in place of a workspace."""
    at, of = str(workspace or "") or None, str(organisation or "") or None
    if at is not None and at.startswith(_ORGANISATION):
        return Affiliation(None, of or at)
    return Affiliation(at, of)


def home_of(user: Mapping[str, Any]) -> Affiliation:
    """Where a person is at home, by `users.info`. People of other organisations have an `enterprise_user` as well."""
    return affiliation(user.get("team_id"), _part(user, "enterprise_user", "enterprise_id"))


def origin_of(body: Mapping[str, Any]) -> Affiliation:
    """Where a payload comes from. Without a workspace, as after an installation for an organisation, its view names it.

    In a modal the workspace of the installation counts: `team` is that of the person.
    """
    workspace = (
        _part(body, "view", "app_installed_team_id")
        or _part(body, "team", "id")
        or body.get("team_id")
        or _part(body, "view", "team_id")
    )
    organisation = _part(body, "team", "enterprise_id") or _part(body, "enterprise", "id") or body.get("enterprise_id")
    return affiliation(workspace, organisation)


def actor_of(body: Mapping[str, Any]) -> Affiliation | None:
    """The home workspace of the person of a click or form; `None` for payloads that do not name it."""
    return affiliation(_part(body, "user", "team_id")) if isinstance(body.get("user"), dict) else None


class Team:
    """The workspace of the bot token. Slack is asked until it has answered once."""

    def __init__(self, client: WebClient) -> None:
        self._client = client
        self._ours: Affiliation | None = None
        self.heard_at: float | None = None

    def silence(self) -> float | None:
        """The seconds since the last genuine payload; `None` before the first."""
        return monotonic() - self.heard_at if self.heard_at is not None else None

    def identify(self) -> dict[str, Any]:
        """Asks Slack about the bot token and returns the answer. Raises `Outage`, `Refusal`."""
        with domain_errors(self._client):
            who = dict(self._client.auth_test().data)  # type: ignore[arg-type]  # JSON answers are dicts
        self._ours = affiliation(who.get("team_id"), who.get("enterprise_id"))
        return who

    def recognizes(self, body: Mapping[str, Any]) -> bool:
        """Whether the payload and its person are ours, as far as is known without asking Slack."""
        actor = actor_of(body)
        known = self._ours
        return known is not None and known.includes(origin_of(body)) and (actor is None or known.includes(actor))

    def is_ours(self, whose: Affiliation) -> bool:
        """Whether that is our workspace or organisation. Raises `Outage`."""
        if self._ours is None:
            try:
                self.identify()
            except Refusal as error:
                raise Outage(str(error)) from None
        return self._ours is not None and self._ours.includes(whose)


def _part(body: Mapping[str, Any], name: str, key: str) -> object:
    part = body.get(name)
    return part.get(key) if isinstance(part, dict) else None
