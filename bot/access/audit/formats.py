"""The output formats of the audit trail: a line of a table, JSON, and Elastic Common Schema. Pure."""

import json
import re
from typing import Any

from bot.access.audit.queries import AccessRecord
from bot.access.models.audit import AuditEvent
from bot.access.store.chain import canonical_time

ECS_VERSION = "8.11.0"
"""The version of the fields below: https://www.elastic.co/guide/en/ecs/8.11/ecs-field-reference.html"""

_FAILURES = frozenset({"refused", "denied", "revocation_failed", "written_off", "owners_unusable"})
_TYPES = {
    "request.submitted": ["info"],
    "request.denied": ["denied"],
    "request.approved": ["allowed"],
    "access.refused": ["denied"],
    "grant.active": ["user", "creation"],
    "grant.revoked": ["user", "deletion"],
    "settings.loaded": ["access"],
}
"""The ECS type of some events; all others are a change."""

_PERSON = re.compile(r"[UW][A-Z0-9]{2,30}")
"""A Slack user id: https://docs.slack.dev/reference/objects/user-object"""

_LONGEST_LABEL = 1024
"""Characters: a label is a keyword, which Elasticsearch does not search beyond."""


def printable(line: str) -> str:
    """The line without what would move the terminal's cursor: a database may hold typed and forged text."""
    return "".join(each if each.isprintable() else "\ufffd" for each in line)


def as_table(event: AuditEvent) -> str:
    """One line of a table, for people."""
    at = canonical_time(event.at)[:19]
    detail = " ".join(f"{name}={_text(value)}" for name, value in event.detail.items())
    line = f"{event.sequence:>7}  {at}  {event.event:<28} {event.request_id or '-':<10}  {event.actor:<12} {detail}"
    return printable(line.rstrip())


def as_json(event: AuditEvent) -> dict[str, Any]:
    """Everything that is hashed, and the hash: enough to verify the chain elsewhere."""
    return {
        "sequence": event.sequence,
        "at": canonical_time(event.at),
        "event": event.event,
        "request_id": event.request_id,
        "actor": event.actor,
        "detail": event.detail,
        "previous": event.previous,
        "hash": event.hash,
    }


def document_id(event: AuditEvent, chain: str) -> str:
    """The id of an event among those of all databases: no other event has it, whatever was lost or restored."""
    return f"{chain}-{event.sequence}-{event.hash}"


def as_ecs(event: AuditEvent, chain: str) -> dict[str, Any]:
    """An ECS document of an event in the chain of that id. Content without an ECS field is in `labels`, as text."""
    subject, _, what = event.event.partition(".")
    failed = what in _FAILURES or what.endswith(("_delayed", "_failed"))
    labels = {name: _text(value)[:_LONGEST_LABEL] for name, value in event.detail.items()}
    if event.request_id is not None:
        labels["request"] = event.request_id
    labels["previous_hash"] = str(event.previous)
    labels["chain"] = chain
    return {
        "@timestamp": canonical_time(event.at),
        "ecs": {"version": ECS_VERSION},
        "message": f"{event.event} by {event.actor}" + (f" on {event.request_id}" if event.request_id else ""),
        "event": {
            "kind": "event",
            "category": ["configuration"] if subject in {"settings", "policy"} else ["iam"],
            "type": _TYPES.get(event.event, ["change"]),
            "action": event.event,
            "outcome": "failure" if failed else "success",
            "id": document_id(event, chain),
            "sequence": event.sequence,
            "hash": event.hash,
            "module": "es-access",
            "dataset": "es-access.audit",
        },
        "service": {"name": "es-access"},
        "user": {"id": event.actor},
        "related": {"user": sorted({event.actor, *_people_in(event.detail)})},
        "labels": labels,
    }


def chain_beginning(event: AuditEvent) -> str:
    """One line about the event with which a chain id began, for people."""
    began = f"Chain {event.detail['chain_id']} began with event {event.sequence}, at {canonical_time(event.at)[:19]}"
    if event.detail.get("before") is None:
        return f"{began}."
    return f"{began}, in place of {event.detail['before']}: the database was restored from an older copy."


def access_line(access: AccessRecord) -> str:
    """One line about a person's access, for people."""
    end = "gone since" if access.gone else "ends"
    late = " (after its time: it could not be ended before)" if access.overdue else ""
    late = " (never confirmed: its cluster was written off)" if access.written_off else late
    nobody = "somebody who is not known: it was found in the cluster" if access.adopted else "a rule"
    return printable(
        f"{access.requester:<12} {access.permission} on {','.join(access.names)} in {access.integration}  "
        f"{access.request_id}  approved by {', '.join(access.approvers) or nobody}  "
        f"from {canonical_time(access.since)[:19]}, {end} {canonical_time(access.until)[:19]}{late}"
    )


def access_json(access: AccessRecord) -> dict[str, Any]:
    """A person's access as JSON."""
    return {
        "requester": access.requester,
        "permission": access.permission,
        "integration": access.integration,
        "names": list(access.names),
        "request_id": access.request_id,
        "approvers": list(access.approvers),
        "from": canonical_time(access.since),
        "until": canonical_time(access.until),
        "gone": access.gone,
        "overdue": access.overdue,
        "adopted": access.adopted,
        "written_off": access.written_off,
    }


def _text(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _people_in(value: object) -> set[str]:
    if isinstance(value, dict):
        return set().union(*(_people_in(each) for each in value.values()))
    if isinstance(value, list):
        return set().union(*(_people_in(each) for each in value))
    return {value} if isinstance(value, str) and _PERSON.fullmatch(value) else set()
