"""Typed text is data for the database too: it is stored and found as typed, and never becomes a statement."""

import pytest
from sqlalchemy import Engine, inspect

from bot.access.audit.queries import AccessAnswer, AuditFilter
from bot.access.audit.refusals import Refusals
from bot.access.audit.trail import AuditTrail
from bot.access.errors import NotAllowed
from bot.access.store.store import Store
from tests.fakes import OWNER, REQUESTER, FakeClock, world_on

EVIL = [
    "'; DROP TABLE access_request; --",
    '"); DELETE FROM audit_event; --',
    "' OR '1'='1",
    "x' UNION SELECT 1, 2, 3 --",
    "%_\\",
    "${jndi:ldap://x}",
]


@pytest.mark.parametrize("text", EVIL)
def test_what_is_typed_is_never_a_statement(store: Store, engine: Engine, text: str) -> None:
    with world_on(store) as world:
        request_id = world.ask(reason=text)
        assert world.request_details(request_id).request.reason == text
        world.approvals.deny(request_id, OWNER, text)
        assert world.request_details(request_id).request.decision_reason == text
        with store.reading() as read:
            assert read.request(text) is None
            assert read.requests_of(text, 10) == []
        Refusals(store, FakeClock()).record(text[:30], text, NotAllowed(text))
    trail = AuditTrail(engine)
    assert [each.actor for each in trail.events(AuditFilter(event="access.refused"))] == [text[:30]]
    for wanted in (AuditFilter(event=text), AuditFilter(request=text), AuditFilter(person=REQUESTER + text)):
        assert list(trail.events(wanted)) == []
    assert trail.access(text, world.clock.now()) == AccessAnswer(())
    assert trail.verify().broken is None
    assert {"access_request", "audit_event"} < set(inspect(engine).get_table_names())
