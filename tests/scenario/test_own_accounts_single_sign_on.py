"""Access for people who sign in by single sign-on: a role mapping gives their account the name of its role, once."""

from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import pytest
from elasticsearch import Elasticsearch

from bot.sandbox.node import Node
from tests.identity_provider import REALM, IdentityProvider
from tests.stage import Stage, set_stage

OK, FORBIDDEN = 200, 403


@pytest.fixture
def stage(licensed: Node, tmp_path: Path) -> Iterator[Stage]:
    with ExitStack() as stack:
        ready = set_stage(licensed, tmp_path, stack, settings={"ELASTICSEARCH_ACCOUNT_REALM": REALM})
        security = licensed.client().options(ignore_status=404).security
        name = f"es-access-own-{ready.alice.id.lower()}"
        stack.callback(security.delete_role_mapping, name=name)
        stack.callback(security.delete_role, name=name)
        ready.app.start()
        yield ready


def search(stage: Stage, provider: IdentityProvider, index: str) -> int:
    """The status of a search by Alice, who signs in for it."""
    with closing(Elasticsearch(stage.node.url, bearer_auth=provider.token(stage.alice.email))) as client:
        return int(client.options(ignore_status=[401, 403]).search(index=index).meta.status)


def test_a_person_who_signs_in_elsewhere_reads_what_was_approved_until_it_ends(
    stage: Stage, identity_provider: IdentityProvider
) -> None:
    assert search(stage, identity_provider, "logs-web") == FORBIDDEN
    request = stage.ask("logs-* 1h")
    stage.approve(request)
    told = stage.reads(stage.alice, f"ACCESS {request}", "You can read logs-* until", "with your own account")
    assert "sign out and in again, once" in told
    stage.wait(lambda: search(stage, identity_provider, "logs-web") == OK or None, "the role mapping to count")
    assert search(stage, identity_provider, "metrics-cpu") == FORBIDDEN
    stage.app.move_clock(3601)
    stage.reads(stage.alice, f"ACCESS {request} HAS ENDED", "does not hold it any more, read back")
    assert search(stage, identity_provider, "logs-web") == FORBIDDEN

    again = stage.ask("logs-* 1h")
    stage.approve(again)
    assert "sign out" not in stage.reads(stage.alice, f"ACCESS {again}", "with your own account")
    assert search(stage, identity_provider, "logs-web") == OK
