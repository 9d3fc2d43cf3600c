"""The workspace directory: resolves user ids, e-mails and group handles to people."""

import re
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, timedelta, timezone, tzinfo
from time import monotonic
from typing import Any
from zoneinfo import ZoneInfo

import structlog
from slack_sdk import WebClient

from bot.access.cache import Cache
from bot.access.errors import Outage, Refusal
from bot.access.people import Inclusion, Members, OwnerProblem, PersonNames
from bot.access.policy.value_types import is_owner
from bot.slack.errors import domain_errors
from bot.slack.membership import Team, home_of
from bot.slack.names import Names, Namesake

FRESH_SECONDS = 60.0
"""How long groups and negative answers are cached. Slack allows 20 group calls a minute."""

PERSON_SECONDS = 600.0
"""How long it is cached that a person may decide. A stale yes does no harm: a deactivated user cannot click."""

PAGE = 1000
"""People in one call, Slack's limit (https://docs.slack.dev/reference/methods/users.list)."""

MOST_PAGES = 20
"""As many calls as Slack allows in a minute. In a larger workspace nobody is found by name."""

_MOST_NAMED = 5
"""People of one name whom an answer lists."""

_MENTION = re.compile(r"<@([UW][A-Z0-9]+)(?:\|[^>]*)?>")
"""How Slack writes a person in a command with escaped text ("Slash commands", Slack)."""

VERIFIED_MEMBERS = 20
"""Groups of up to this many members are checked one member at a time, to leave out people who may not decide.

Slack allows 100 such calls a minute (https://docs.slack.dev/reference/methods/users.info), enough for five such groups
at once. A larger group is taken as Slack lists it.
"""

CANNOT_APPROVE = "cannot_approve"
NO_ACTIVE_MEMBERS = "no_active_members"
NO_SUCH_GROUP = "no_such_group"
"""Our own codes for an owner that stands for nobody; the others are Slack's."""

_UNKNOWN = frozenset({"user_not_found", "user_not_visible"})
"""Slack's codes for a person it does not show us: nobody of our workspace."""

log = structlog.get_logger(__name__)

_Groups = Mapping[str, tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class _Person:
    """A Slack user. `belongs` is false for deactivated users, bots and outsiders; `decides` for guests as well."""

    id: str
    decides: bool
    belongs: bool = True
    time_zone: tzinfo = UTC


class SlackDirectory:
    """A `Directory` of the workspace. All groups are read in one call, at most once a minute."""

    def __init__(self, client: WebClient, clock: Callable[[], float] = monotonic, team: Team | None = None) -> None:
        """`team` is the workspace of the client, if it was asked already."""
        self._client = client
        self._team = team or Team(client)
        self._people = Cache(self._read_person, _person_lifetime, refusal_seconds=FRESH_SECONDS, clock=clock)
        self._groups = Cache(
            lambda _key: self._read_groups(), lambda _: FRESH_SECONDS, refusal_seconds=FRESH_SECONDS, clock=clock
        )
        self._names = Cache(
            lambda _key: self._read_names(), lambda _: PERSON_SECONDS, refusal_seconds=FRESH_SECONDS, clock=clock
        )
        self._warned = threading.Lock()

    def members(self, owners: Sequence[str]) -> Members:
        """The active people behind these owners, each once, and the owners that resolve to nobody. Raises `Outage`.

        A group with more than `VERIFIED_MEMBERS` is taken whole, with its guests.
        """
        users: list[str] = []
        problems: list[OwnerProblem] = []
        for owner in owners:
            try:
                users += self._members_of(owner)
            except Refusal as error:
                problems.append(OwnerProblem(owner, str(error), error.code))
        return Members(tuple(dict.fromkeys(users)), tuple(problems))

    def includes(self, requesters: Sequence[str], person: str) -> Inclusion:
        """Whether that user id is one of these, has one of these e-mails or is in one of these groups.

        Guests count. Ids are compared without a call to Slack. A match is certain even if other names are unknown.
        Raises `Outage`.
        """
        if person in requesters:
            return Inclusion(found=True)
        certain = True
        for requester in requesters:
            if "@" in requester:
                try:
                    if person in self._behind(requester):
                        return Inclusion(found=True)
                except Refusal:
                    certain = False
        return Inclusion(found=False, certain=certain)

    def belongs(self, person: str) -> bool:
        """Whether the person is a member or guest of this workspace, and no bot. Raises `Outage`."""
        try:
            return self._person(person).belongs
        except Refusal as error:
            if error.code in _UNKNOWN:
                return False
            raise Outage(str(error)) from None  # such as a missing scope, which is not the person's fault

    def names(self, person: str) -> PersonNames:
        """The e-mail and the name of a person as Slack has them now. Raises `Outage`, `Refusal`."""
        with domain_errors(self._client):
            user = self._client.users_info(user=person)["user"]
        return PersonNames(str(user.get("name") or ""), str((user.get("profile") or {}).get("email") or "") or None)

    def time_zone(self, person: str) -> tzinfo:
        """The person's time zone as set in Slack, or UTC if Slack does not say. Raises `Outage`."""
        try:
            return self._person(person).time_zone
        except Refusal:
            return UTC

    def count_name_words(self, words: Sequence[str]) -> int:
        """How many of these words, at least one, are a name or the beginning of one. Raises `Outage`."""
        try:
            return self._names.get().count_words(words)
        except Refusal:
            return 1  # and `find` says why there are no names

    def find(self, typed: str) -> str:
        """The id of an active person: an id, a mention as Slack writes it, an e-mail or a whole @name.

        Raises `Refusal`, with the candidates if there are several, and `Outage`.
        """
        mention = _MENTION.fullmatch(typed)
        name = mention.group(1) if mention else typed
        if name.startswith("@"):
            return self._named(name[1:])
        if not is_owner(name):
            raise Refusal("that is no Slack user id, e-mail or @name")
        person = self._person(name)
        if not person.belongs:
            raise Refusal("is deactivated, a bot or of another workspace")
        return person.id

    def _named(self, name: str) -> str:
        names = self._names.get()
        found = names.find(name)
        if len(found) == 1:
            return found[0].id
        if found:
            raise Refusal(f"there are several of that name: {_listed(found)}")
        longer = names.find_beginning(name)
        meant = f". Did you mean {_listed(longer)}?" if longer else ""
        raise Refusal(f"there is nobody of that name{meant}")

    def _read_names(self) -> Names:
        names = Names()
        cursor = ""
        for _ in range(MOST_PAGES):
            with domain_errors(self._client):
                page = self._client.users_list(limit=PAGE, cursor=cursor)
            for user in page["members"]:
                names.add(user, belongs=self._belongs(user))
            cursor = (page.get("response_metadata") or {}).get("next_cursor") or ""
            if not cursor:
                return names
        raise Refusal(f"with more than {PAGE * MOST_PAGES} people, a name may be that of several")

    def forget_groups(self) -> None:
        """Drops the cached groups, after Slack has reported a change."""
        self._groups.clear()

    def _behind(self, name: str) -> tuple[str, ...]:
        return self._group(name) if name.startswith("@") else (self._person(name).id,)

    def _members_of(self, owner: str) -> Sequence[str]:
        if not owner.startswith("@"):
            person = self._person(owner)
            if not person.decides:
                raise Refusal("is deactivated, a bot, a guest or of another workspace in Slack", CANNOT_APPROVE)
            return [person.id]
        listed = self._group(owner)
        if len(listed) > VERIFIED_MEMBERS:
            return listed
        active = [user for user in listed if self._person(user).decides]
        if not active:
            raise Refusal("the user group has no active members", NO_ACTIVE_MEMBERS)
        return active

    def _group(self, name: str) -> tuple[str, ...]:
        groups = self._groups.get()
        if name[1:] not in groups:
            raise Refusal("no such user group in Slack", NO_SUCH_GROUP)
        return groups[name[1:]]

    def _person(self, name: str) -> _Person:
        return self._people.get(name)

    def _read_groups(self) -> _Groups:
        try:
            with domain_errors(self._client):
                answer = self._client.usergroups_list(include_users=True)
        except Refusal as error:
            # The lock is never released, so this is logged once.
            if self._warned.acquire(blocking=False):
                log.warning(
                    "user groups cannot be read, so nobody is found through one: see bot check", error=str(error)
                )
            raise
        return {str(group["handle"]): tuple(group.get("users", ())) for group in answer["usergroups"]}

    def _read_person(self, name: str) -> _Person:
        with domain_errors(self._client):
            if "@" in name:
                user = self._client.users_lookupByEmail(email=name)["user"]
            else:
                user = self._client.users_info(user=name)["user"]
        belongs = self._belongs(user)
        guest = any(user.get(each) for each in ("is_restricted", "is_ultra_restricted"))
        person = _Person(str(user["id"]), belongs and not guest, belongs, _time_zone(user))
        if person.id != name:
            self._people.put(person.id, person)  # the click that follows names the id
        return person

    def _belongs(self, user: Mapping[str, Any]) -> bool:
        """Whether the person is active, no bot, and of our workspace or organisation. Raises `Outage`."""
        return not (user.get("deleted") or user.get("is_bot")) and self._team.is_ours(home_of(user))


def _time_zone(user: Mapping[str, Any]) -> tzinfo:
    try:
        return ZoneInfo(str(user["tz"]))
    except (KeyError, ValueError, OSError):
        offset = user.get("tz_offset")
        return timezone(timedelta(seconds=offset)) if isinstance(offset, int) else UTC


def _listed(people: Sequence[Namesake]) -> str:
    rest = len(people) - _MOST_NAMED
    return ", ".join(map(str, people[:_MOST_NAMED])) + (f" and {rest} more" if rest > 0 else "")


def _person_lifetime(person: _Person) -> float:
    # A user who is reactivated, or is no longer a guest, does not wait ten minutes.
    return PERSON_SECONDS if person.decides else FRESH_SECONDS
