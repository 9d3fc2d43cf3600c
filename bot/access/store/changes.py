"""The columns that a write may change, with types: the type checker rejects a misspelt column or a wrong value."""

from datetime import datetime
from typing import Any, TypedDict

from bot.access.models.columns import CredentialKind, Delivery
from bot.access.models.grants import GrantTask


class RequestChanges(TypedDict, total=False):
    """Columns of `AccessRequest` that change after filing. Only `move` changes the state."""

    patterns: list[str]
    permission: str
    duration: int
    kind: CredentialKind
    account: dict[str, str] | None
    delivery: Delivery
    flow: str
    flow_limit: int
    automatic: bool
    privileges: dict[str, Any]
    resolved: list[str] | None
    preview: dict[str, Any] | None
    aliases: dict[str, Any] | None
    excluded: list[str] | None
    any_group: bool
    owners: list[str]
    decided_by: str | None
    decided_at: datetime | None
    decision_reason: str
    route_at: datetime | None
    escalate_at: datetime | None
    escalations: int
    channel: str | None
    break_glass: bool
    review_at: datetime | None


class GrantChanges(TypedDict, total=False):
    """Columns of `Grant` that change. Only `move` and `move_all` change the state; every change counts up `version`."""

    expires_at: datetime
    delivered_at: datetime | None
    ended_at: datetime | None
    ended_by: str | None
    end_reason: str
    task: GrantTask | None
    key_id: str | None
    receipt: dict[str, Any] | None
    attempts: int
    due_at: datetime | None
    claimed_by: str | None
    claimed_until: datetime | None
    warn_at: datetime | None
    extensions: int
    withheld: list[str] | None
    look_at: datetime | None
    unfinished: dict[str, Any] | None
    attempt: int
    attempt_in_use: int


class GroupChanges(TypedDict, total=False):
    """Columns of `AskedGroup` that change while its request is pending."""

    label: str
    owners: list[str]
    asked: list[str]
    resources: int
    approvals: int
    patterns: list[str] | None


class RememberedOwnerRow(TypedDict):
    """Columns of `RememberedOwner` that a look at a cluster finds."""

    name: str
    written: str | None
    owner: str | None
    other_names: list[str]
    since: datetime
    change_id: int | None
