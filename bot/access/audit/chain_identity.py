"""The id of the audit chain: it tells the events of this database from those of one that was lost or restored."""

import secrets
from datetime import datetime

import structlog
from sqlmodel import Session

from bot.access.ids import APPLICATION
from bot.access.models.columns import Json
from bot.access.models.system import Setting
from bot.access.store.store import Store

BEGUN = "audit.chain_begun"
"""The event that a chain id begins with."""

_NAME = "audit chain"
"""The name of its row in the settings table."""

log = structlog.get_logger(__name__)


def kept_chain(session: Session) -> str | None:
    """The id of the chain in this database, if it has one."""
    kept = session.get(Setting, _NAME)
    return kept.value if kept is not None else None


def chain_id(store: Store, now: datetime) -> str:
    """The id of this database's chain. A database without one gets it here, with the event that says so."""
    with store.reading() as read:
        kept = read.setting(_NAME)
    return kept.value if kept is not None else begin_chain(store, None, now)


def begin_chain(store: Store, before: str | None, now: datetime, **detail: Json) -> str:
    """Gives the chain a new id in place of `before`, with an audit event and a line in the log.

    Returns the id that now holds: that of another process, if it was first. `detail` says why, in the event.
    """
    with store.writing() as write:
        write.lock_name(_NAME)
        kept = write.setting(_NAME)
        if kept is not None and kept.value != before:
            return kept.value
        # Lower-case letters and digits: one word for Elasticsearch, whatever the mapping of the field is.
        name = secrets.token_hex(8)
        write.set_setting(_NAME, name, now)
        write.audit(BEGUN, APPLICATION, now, None, chain_id=name, before=before, **detail)
    if before is None:
        log.info("a new audit chain begins", chain=name)
    else:
        log.warning(
            "a new audit chain begins: the audit index has events that this database lacks, so the database was "
            "restored from an older copy", chain=name, before=before, **detail,
        )  # fmt: skip
    return name
