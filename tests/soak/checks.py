"""Checks of a soak, by the database, the cluster and the messages that people see."""

import json
import re
import sys
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from elasticsearch import Elasticsearch

from bot.access.ids import attempt_username
from bot.sandbox.workspace import User
from tests.scenario.breaking import _PASSWORD
from tests.scenario.test_audit_command import audit
from tests.soak.world import World, made
from tests.stage import Secret

OK = 200

SETTLE_SECONDS = 150.0
"""Longest wait for all work to finish after the faults have ended."""

STEP_SECONDS = 1.0
"""How far the clock moves at each step of waiting: back-off passes, and claims are renewed in time."""

BUSY = (
    "SELECT count(*) FROM inbox WHERE due_at IS NOT NULL",
    "SELECT count(*) FROM message WHERE due_at IS NOT NULL",
    "SELECT count(*) FROM access_request WHERE route_at IS NOT NULL AND state = 'pending'",
    "SELECT count(*) FROM access_grant WHERE state IN ('provisioning', 'revoking', 'revocation_failed')"
    " OR task IS NOT NULL OR claimed_by IS NOT NULL",
)
LEFT = (
    *BUSY[:2],
    "SELECT count(*) FROM access_request WHERE state = 'pending'",
    "SELECT count(*) FROM access_grant WHERE state <> 'cleaned_up'",
)

_KEY = re.compile(r"Authorization: ApiKey ([A-Za-z0-9+/=]+)")

Shown = Mapping[str, set[str]]
"""Secrets that were shown to anybody, by the id of the grant."""


def settle(world: World, queries: tuple[str, ...], step: float) -> str:
    """Moves the clock until the queries count nothing. Returns a description of the remains, or an empty text.

    Thousands of messages to two owners are sent one by one, so it waits as long as their number decreases.
    """
    deadline, fewest = time.monotonic() + SETTLE_SECONDS, sys.maxsize
    while time.monotonic() < deadline:
        left = {query: world.rows(query)[0][0] for query in queries}
        if not any(left.values()):
            return ""
        if sum(left.values()) < fewest:
            deadline, fewest = time.monotonic() + SETTLE_SECONDS, sum(left.values())
        world.move_clock(step)
        time.sleep(0.4)
    return "; ".join(f"{count} of: {query}" for query, count in left.items() if count)


def shown(world: World) -> tuple[Shown, Shown]:
    """Every secret that was ever in a message, and those that are in one now."""
    ever: dict[str, set[str]] = defaultdict(set)
    now: dict[str, set[str]] = defaultdict(set)
    for person in world.requesters:
        for message in world.stage.workspace.messages(person, deleted=True):
            for blocks in (message.blocks, *(each.blocks for each in message.history)):
                for grant, secret in _secrets(message.text, blocks):
                    ever[grant].add(secret)
        for message in world.stage.workspace.messages(person):
            for grant, secret in _secrets(message.text, message.blocks):
                now[grant].add(secret)
    return ever, now


def _secrets(text: str, blocks: Any) -> Iterator[tuple[str, str]]:
    held = json.dumps(blocks)
    named = re.search(r"REQ-[0-9A-Z]{6}", text) or re.search(r"REQ-[0-9A-Z]{6}", held)
    keys = _KEY.findall(held)
    for secret in keys or _PASSWORD.findall(held):
        if named:
            yield named.group(), secret


def works(world: World, grant: str, secret: str) -> bool:
    """Whether the cluster accepts this secret of this grant."""
    kind = world.rows("SELECT kind FROM access_request WHERE id = :id", id=grant)[0][0]
    if kind == "api_key":
        with Elasticsearch(world.stage.node.url, api_key=secret) as client:
            return client.options(ignore_status=401).security.authenticate().meta.status == OK
    # The secret of an attempt works with its own name: an earlier one may not, either.
    [(first, attempt)] = world.rows("SELECT username, attempt FROM access_grant WHERE id = :id", id=grant)
    names = (attempt_username(first, number) for number in range(1, attempt + 1))
    return any(world.stage.search(Secret(name, secret), "logs-web") == OK for name in names)


def one_secret_each(world: World) -> list[str]:
    """In a calm moment, the shown secret of each live grant must work, and no earlier one may."""
    if left := settle(world, BUSY, STEP_SECONDS):
        return [f"it did not come to rest: {left}"]
    ever, now = shown(world)
    wrong = []
    for (grant,) in world.rows("SELECT id FROM access_grant WHERE state = 'active'"):
        working = {secret for secret in ever[grant] if works(world, grant, secret)}
        still = world.rows("SELECT state FROM access_grant WHERE id = :id", id=grant)[0][0] == "active"
        if still and (working != now[grant] or len(working) != 1):
            right = len(working & now[grant])
            told = f"{len(working)} secrets work, {right} of the {len(now[grant])} that are shown"
            wrong.append(f"{grant}: {told}; {_story(world, grant)}")
    return wrong


def _story(world: World, grant: str) -> str:
    events = "SELECT at, event FROM audit_event WHERE request_id = :id ORDER BY id"
    happened = ", ".join(f"{_time(at):%H:%M:%S} {event}" for at, event in world.rows(events, id=grant))
    kind = world.rows("SELECT kind FROM access_request WHERE id = :id", id=grant)[0][0]
    return f"{kind}: {happened}"


RECONCILE_SECONDS = 11 * 60.0
"""Longer than the interval of reconciliations."""


def reconciled(world: World) -> int:
    """Lets one reconciliation pass. Returns how many users, roles and keys only it could find."""
    before = len(made(world.stage.node) - world.others)
    world.move_clock(RECONCILE_SECONDS)
    deadline = time.monotonic() + SETTLE_SECONDS
    while made(world.stage.node) - world.others and time.monotonic() < deadline:
        time.sleep(0.5)
    return before


def left_over(world: World) -> list[str]:
    """Grants that have not ended, objects that are still in the cluster, and secrets that still work."""
    wrong = [
        f"{grant} is {state}"
        for grant, state in world.rows(
            "SELECT id, state FROM access_grant WHERE state <> 'cleaned_up' OR ended_at IS NULL"
        )
    ]
    wrong += [f"{each} is in the cluster" for each in made(world.stage.node) - world.others]
    for grant, secrets in shown(world)[0].items():
        wrong += [f"a secret of {grant} works after its end" for each in secrets if works(world, grant, each)]
    return wrong


def receipts_missing(world: World) -> list[str]:
    """Ended grants without a record that the cluster confirmed their removal."""
    wrong = []
    audited = {row[0] for row in world.rows("SELECT request_id FROM audit_event WHERE event = 'grant.revoked'")}
    for grant, receipt in world.rows("SELECT id, receipt FROM access_grant WHERE ended_at IS NOT NULL"):
        held = json.loads(receipt) if isinstance(receipt, str) else receipt
        gone = held and (held["user_gone"] or held["user_disabled"]) and held["role_gone"] and held["keys_left"] == 0
        if not gone or grant not in audited:
            wrong.append(f"{grant}: receipt {held}, audited {grant in audited}")
    return wrong


def messages_lost(world: World) -> list[str]:
    """Messages that somebody should have received: still queued, given up, or not visible in Slack."""
    # A message that is not due and was never sent belongs to a credential that was never made: its end is sent instead.
    owed = world.rows("SELECT request_id, kind FROM message WHERE due_at IS NOT NULL OR (sent < wanted AND sent > 0)")
    wrong = [f"{kind} of {request} is owed" for request, kind in owed]
    refused = world.rows("SELECT request_id FROM audit_event WHERE event = 'message.refused'")
    wrong += [f"a message about {request} was given up" for (request,) in refused]
    texts = {each.id: _texts(world, each) for each in (*world.requesters, world.stage.bob, world.stage.carol)}
    query = "SELECT id, requester, state, extends, owners FROM access_request"
    for request, who, state, extends, asked in world.rows(query):
        heard = [each for each in texts[who] if request in each]
        if extends is None and state == "approved":
            wrong += _unless(
                any(f"ACCESS {request} HAS ENDED" in each for each in heard),
                f"{who} never heard of the end of {request}",
            )
        else:
            wrong += _unless(heard, f"{who} never heard what became of {request} ({state})")
        owners = set(json.loads(asked) if isinstance(asked, str) else asked)
        # Nobody is asked about a request that is over before it is routed: an extension of a grant that has ended.
        wrong += _unless(owners or state in {"cancelled", "expired"}, f"nobody was asked about {request} ({state})")
        for owner in owners - {who}:
            told = [each for each in texts[owner] if f"REQUEST {request}: " in each]
            unseen = f"{owner} does not see what became of {request} ({state}): {_story(world, request)}"
            wrong += _unless(told, unseen)
    return wrong


def _texts(world: World, person: User) -> list[str]:
    return [world.stage.read(each, person) for each in world.stage.workspace.messages(person)]


def _unless(found: object, sentence: str) -> list[str]:
    return [] if found else [sentence]


def audit_broken(world: World) -> list[str]:
    """Errors in the chain that `bot audit verify` reports."""
    verified = audit(world.url, world.folder, "verify")
    return [] if verified.returncode == 0 else [verified.stdout + verified.stderr]


def bugs_logged(world: World) -> list[str]:
    """Bugs in the application's log, each with the last lines of its traceback."""
    found = []
    for member in world.members:
        entries = re.split(r"(?m)^(?=\d{4}-\d{2}-\d{2}T)", member.app.log.read_text(encoding="utf-8"))
        found += [f"{each[:160]} … {each.strip()[-900:]}" for each in entries if "a bug:" in each]
    return found


@dataclass(frozen=True)
class Lag:
    """Seconds from the due end of an access until its cluster confirmed its removal.

    `served` leaves out those in which a process was dead. `failed`: a call of the cluster failed meanwhile.
    """

    whole: float
    served: float
    failed: bool


def lags(world: World, integration: str) -> list[Lag]:
    """The lag of each end of access to that cluster."""
    begun: dict[str, datetime] = {}
    delayed: set[str] = set()
    events = "SELECT request_id, event, at FROM audit_event WHERE event LIKE 'grant.revo%' ORDER BY id DESC"
    for request, event, at in world.rows(events):
        if event == "grant.revoking":
            begun[request] = _time(at)
        elif event in {"grant.revocation_delayed", "grant.revocation_failed"}:
            delayed.add(request)
    found = []
    ends = (
        "SELECT g.id, g.expires_at, g.ended_at, g.end_reason FROM access_grant g JOIN access_request r ON r.id = g.id"
        " WHERE g.ended_at IS NOT NULL AND r.integration = :integration"
    )
    for grant, expires, ended, reason in world.rows(ends, integration=integration):
        due = world.machine_time_of(_time(expires) if reason == "expired" else begun[grant])
        gone = max(due, world.machine_time_of(_time(ended)))
        dead = sum(max(0.0, min(gone, until) - max(due, since)) for since, until in world.dead)
        found.append(Lag(gone - due, gone - due - dead, grant in delayed))
    return found


def _time(value: Any) -> datetime:
    at = value if isinstance(value, datetime) else datetime.fromisoformat(value)
    return at if at.tzinfo else at.replace(tzinfo=UTC)
