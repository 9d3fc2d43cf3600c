"""Export formats of audit events: every field of an ECS document exists in the schema with that type."""

import json
import re
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.access.audit.formats import access_json, access_line, as_ecs, as_json, as_table
from bot.access.audit.queries import AccessRecord, record_of, recorded_in_row
from bot.access.audit.terms import RecordedAccess
from bot.access.models.audit import AuditEvent
from bot.access.models.grants import Grant
from bot.access.models.request_details import RequestDetails
from bot.access.models.requests import AccessRequest, Approval
from bot.access.states import GrantState
from bot.access.store.chain import GENESIS, hash_of
from tests.rows import NOW, OWNER, WHO
from tests.trails import chained

DATE = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}\+00:00")

ECS: dict[str, str] = {
    "@timestamp": "date",
    "ecs.version": "keyword",
    "message": "text",
    "event.kind": "kind",
    "event.category": "category[]",
    "event.type": "type[]",
    "event.action": "keyword",
    "event.outcome": "outcome",
    "event.id": "keyword",
    "event.sequence": "long",
    "event.hash": "keyword",
    "event.module": "keyword",
    "event.dataset": "keyword",
    "service.name": "keyword",
    "user.id": "keyword",
    "related.user": "keyword[]",
    "labels.*": "keyword",
}
"""The fields of Elastic Common Schema 8.11 that are used here, with their types."""

ALLOWED = {
    "kind": {"alert", "asset", "enrichment", "event", "metric", "state", "pipeline_error", "signal"},
    "category": {
        "api", "authentication", "configuration", "database", "driver", "email", "file", "host", "iam",
        "intrusion_detection", "library", "malware", "network", "package", "process", "registry", "session", "threat",
        "vulnerability", "web",
    },
    "type": {
        "access", "admin", "allowed", "change", "connection", "creation", "deletion", "denied", "end", "error", "group",
        "indicator", "info", "installation", "protocol", "start", "user",
    },
    "outcome": {"failure", "success", "unknown"},
}  # fmt: skip
"""The values that the schema allows."""


def flat(document: dict[str, Any], above: str = "") -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in document.items():
        path = f"{above}{name}"
        found |= flat(value, f"{path}.") if isinstance(value, dict) else {path: value}
    return found


def fits(kind: str, value: Any) -> bool:
    if kind.endswith("[]"):
        return isinstance(value, list) and bool(value) and all(fits(kind[:-2], each) for each in value)
    if kind in ALLOWED:
        return value in ALLOWED[kind]
    checks: dict[str, Callable[[], bool]] = {
        "date": lambda: DATE.fullmatch(value) is not None,
        "long": lambda: isinstance(value, int),
        "text": lambda: isinstance(value, str),
        "keyword": lambda: (isinstance(value, str) and 0 < len(value) <= 1024) or value == "",
    }
    return checks[kind]()


def check(document: dict[str, Any]) -> None:
    for path, value in flat(document).items():
        kind = ECS["labels.*"] if path.startswith("labels.") and path.count(".") == 1 else ECS[path]
        assert fits(kind, value), (path, value)
    assert {path for path in ECS if path != "labels.*"} <= flat(document).keys()


NAMES = [
    "settings.loaded", "policy.loaded", "policy.refused", "request.submitted", "request.approved", "request.denied",
    "request.automatic", "request.owners_unusable", "grant.active", "grant.revoking", "grant.revoked",
    "grant.revocation_failed", "grant.revocation_delayed", "message.refused", "access.refused",
]  # fmt: skip
PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


@given(st.sampled_from(NAMES), st.dictionaries(st.from_regex(r"[a-z_]{1,20}", fullmatch=True), PLAIN, max_size=4))
def test_every_document_is_of_the_schema(name: str, detail: dict[str, Any]) -> None:
    event = chained(1)[0]
    event.event, event.detail = name, detail
    check(as_ecs(event, "c4a1"))


def test_a_document_says_what_happened_and_where_it_stands_in_the_chain() -> None:
    event = chained(3)[2]
    event.detail = {"requester": OWNER, "errors": [], "nested": {"who": ["U0OTHER", "no person"]}}
    document = as_ecs(event, "c4a1")
    assert document["event"] | {"hash": ""} == {
        "kind": "event", "category": ["iam"], "type": ["user", "creation"], "action": "grant.active",
        "outcome": "success", "id": f"c4a1-3-{event.hash}", "sequence": 3, "hash": "",
        "module": "es-access", "dataset": "es-access.audit",
    }  # fmt: skip
    assert document["related"]["user"] == sorted([OWNER, "U0OTHER", WHO])
    assert document["labels"]["previous_hash"] == event.previous
    assert document["labels"]["errors"] == "[]"
    assert document["labels"]["chain"] == "c4a1"


@pytest.mark.parametrize(
    ("name", "outcome"),
    [("request.denied", "failure"), ("grant.revocation_delayed", "failure"), ("grant.revoked", "success")],
)
def test_what_failed_says_so(name: str, outcome: str) -> None:
    event = chained(1)[0]
    event.event = name
    assert as_ecs(event, "c4a1")["event"]["outcome"] == outcome


def test_json_is_enough_to_verify_the_chain_elsewhere() -> None:
    event = chained(2)[1]
    copy = json.loads(json.dumps(as_json(event)))
    again = AuditEvent(**{**copy, "at": datetime.fromisoformat(copy["at"]).astimezone(timezone(timedelta(hours=2)))})
    assert hash_of(again) == copy["hash"]
    assert chained(1)[0].previous == GENESIS


def test_a_line_of_the_table_cannot_move_the_cursor_of_its_reader() -> None:
    event = chained(1)[0]
    event.detail = {"reason": "\x1b[2J\r\nfine <!channel>"}
    line = as_table(event)
    assert line.isprintable()
    assert "fine <!channel>" in line


# --- who had access ---


def grant_of(
    patterns: list[str],
    resolved: list[str] | None = None,
    ended_at: datetime | None = None,
    *,
    delivered: bool = True,
    approver: str | None = OWNER,
    **values: Any,
) -> RecordedAccess:
    hour = timedelta(hours=1)
    request = AccessRequest(
        id="REQ-7K3F9Q", requester=WHO, integration="production", patterns=patterns, permission="read", duration=3600,
        resolved=resolved, owners=[], created_at=NOW, pending_until=NOW, **values,
    )  # fmt: skip
    grant = Grant(
        id=request.id, first_username="u", state=GrantState.ACTIVE, created_at=NOW, expires_at=NOW + hour,
        delivered_at=NOW if delivered else None, ended_at=ended_at,
    )  # fmt: skip
    yes = [Approval(request_id=request.id, approver=each, approved=True, at=NOW) for each in (approver,) if each]
    return recorded_in_row(grant, RequestDetails(request, grant, tuple(yes)))


def record(access: RecordedAccess, index: str) -> AccessRecord | None:
    return record_of("REQ-7K3F9Q", access, index)


@pytest.mark.parametrize(
    ("patterns", "resolved", "index", "matches"),
    [
        (["logs-*"], None, "logs-web", True),
        (["logs-*"], None, "logs-*", True),
        (["logs-*"], None, "metrics-web", False),
        (["logs-*"], ["logs-web"], "logs-web", True),
        (["logs-*"], ["logs-web"], "logs-new", False),
        (["metrics-*", "logs-web"], None, "logs-*", True),
    ],
)
def test_what_was_given_is_what_counts(
    patterns: list[str], resolved: list[str] | None, index: str, matches: bool
) -> None:
    assert (record(grant_of(patterns, resolved), index) is not None) is matches


def test_what_was_never_delivered_gave_nothing() -> None:
    assert record(grant_of(["logs-*"], delivered=False), "logs-web") is None


def test_access_that_outlived_its_time_says_so() -> None:
    found = record(grant_of(["logs-*"], ended_at=NOW + timedelta(hours=3)), "logs-web")
    assert found is not None
    assert (found.gone, found.overdue, found.until) == (True, True, NOW + timedelta(hours=3))
    assert "after its time" in access_line(found)


def test_a_live_one_ends_when_it_will() -> None:
    found = record(grant_of(["logs-*"]), "logs-web")
    assert isinstance(found, AccessRecord)
    assert access_json(found) == {
        "requester": WHO, "permission": "read", "integration": "production", "names": ["logs-*"],
        "request_id": "REQ-7K3F9Q", "approvers": [OWNER], "from": "2026-11-24T12:00:00.123456+00:00",
        "until": "2026-11-24T13:00:00.123456+00:00", "gone": False, "overdue": False,
        "adopted": False, "written_off": False,
    }  # fmt: skip
    assert found.since.tzinfo is UTC


def test_what_was_written_off_was_never_confirmed() -> None:
    found = record(replace(grant_of(["logs-*"]), written_off=True), "logs-web")
    assert found is not None
    assert access_line(found).endswith("ends 2026-11-24T13:00:00 (never confirmed: its cluster was written off)")
    assert (access_json(found)["written_off"], access_json(found)["gone"]) == (True, False)


def test_what_was_found_in_the_cluster_was_approved_by_no_rule() -> None:
    found = record(grant_of(["logs-*"], approver=None, decided_by="es-access"), "logs-web")
    assert found is not None
    assert "approved by somebody who is not known: it was found in the cluster" in access_line(found)
    assert access_json(found)["adopted"] is True
    by_rule = record(grant_of(["logs-*"], approver=None, decided_by="es-access", flow="on call"), "logs-web")
    assert by_rule is not None
    assert "approved by a rule" in access_line(by_rule)
