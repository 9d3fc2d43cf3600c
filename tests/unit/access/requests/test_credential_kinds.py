"""The kinds of credentials: the default, and the typed options `--key` and `reset`."""

import pytest

from bot.access.errors import InvalidRequest
from bot.access.models.columns import CredentialKind
from bot.access.policy.access_flow import AccessFlow
from bot.access.policy.model import Integration
from bot.access.policy.value_types import AccountRules
from bot.access.requests.drafts import Draft
from bot.slack.command.command import Command, Verb
from bot.slack.listeners.command_parser import parse
from tests.fakes import PRODUCTION

PERMISSIONS = ("read", "write")


KEY, PASSWORD, OWN = CredentialKind.API_KEY, CredentialKind.PASSWORD, CredentialKind.OWN_ACCOUNT

WITH_ACCOUNTS = PRODUCTION.model_copy(update={"accounts": AccountRules(realm="corp")})


@pytest.mark.parametrize("integration", [PRODUCTION, WITH_ACCOUNTS], ids=["without accounts", "with accounts"])
def test_a_flow_that_says_nothing_gives_what_stops_open_requests_at_its_end(integration: Integration) -> None:
    assert integration.kinds(AccessFlow(name="any"))[0].stops_open_requests


def test_people_with_accounts_of_their_own_get_these_first_where_nothing_is_said() -> None:
    assert WITH_ACCOUNTS.kinds(AccessFlow(name="any")) == (OWN, PASSWORD, KEY)
    assert PRODUCTION.kinds(AccessFlow(name="any")) == (PASSWORD, KEY)
    keys = AccessFlow(name="scripts", credentials=(KEY, PASSWORD))
    assert WITH_ACCOUNTS.kinds(keys) == (KEY, PASSWORD)


@pytest.mark.parametrize(("option", "kind"), [("--own", OWN), ("--password", PASSWORD), ("--key", KEY)])
def test_each_kind_has_its_option(option: str, kind: CredentialKind) -> None:
    assert parse(f"logs-* 1h {option}", PERMISSIONS).draft == Draft("logs-*", "1h", kind=kind)


def test_two_kinds_at_once_are_refused() -> None:
    with pytest.raises(InvalidRequest, match="Say one of --own, --password, --key"):
        parse("logs-* 1h --key --own", PERMISSIONS)


@pytest.mark.parametrize(
    "text",
    [
        "logs-* 1h write fixing INC-42 --key",
        "--key logs-* 1h write fixing INC-42",
        "logs-* --key 1h write fixing INC-42",
    ],
)
def test_a_key_may_be_asked_for_anywhere_in_the_command(text: str) -> None:
    found = parse(text, PERMISSIONS)
    assert found.draft == Draft("logs-*", "1h", "write", "fixing INC-42", None, CredentialKind.API_KEY)


def test_both_flags_go_together_and_without_one_the_flow_decides() -> None:
    both = parse("logs-* --cluster staging --key", PERMISSIONS).draft
    assert both == Draft("logs-*", "", integration="staging", kind=CredentialKind.API_KEY)
    neither = parse("logs-* 1h", PERMISSIONS).draft
    assert neither is not None
    assert neither.kind is None


def test_explain_takes_the_flag_too() -> None:
    found = parse("explain logs-* 1h --key", PERMISSIONS)
    assert (found.verb, found.draft and found.draft.kind) == (Verb.EXPLAIN, CredentialKind.API_KEY)


def test_reset_names_one_request() -> None:
    assert parse("reset req-7k3f9q", PERMISSIONS) == Command(Verb.RESET, id="REQ-7K3F9Q")
    with pytest.raises(InvalidRequest, match="Say which request you mean"):
        parse("reset", PERMISSIONS)


def test_an_index_called_reset_can_be_asked_for() -> None:
    found = parse("reset 1h", PERMISSIONS)
    assert (found.verb, found.draft and found.draft.patterns) == (Verb.REQUEST, "reset")


def test_the_flag_alone_opens_the_form_with_it() -> None:
    command = parse("--key", PERMISSIONS)
    assert (command.verb, command.text) == (Verb.FORM, "Say which indices you need.")
    assert command.draft is not None
    assert command.draft.kind is CredentialKind.API_KEY
