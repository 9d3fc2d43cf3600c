"""The example below a refusal is a command that the same policy accepts."""

from datetime import timedelta

import pytest

from bot.access.errors import AccessError
from bot.access.models.columns import CredentialKind
from bot.access.policy.access_flow import AccessFlow
from bot.slack.command.command import Verb
from bot.slack.listeners.command_parser import parse
from tests.fakes import REQUESTER, World, flow

TICKET = {"reason": "required", "reason_pattern": "CHG[0-9]{7}"}
HINT = "The number of a change, such as CHG0031234"
SHORT = timedelta(minutes=15)

REFUSED: dict[str, tuple[AccessFlow, str]] = {
    "no duration": (flow(), "logs-*"),
    "no duration, and the longest is short": (flow(max_duration=SHORT), "logs-* write --key"),
    "too long": (flow(max_duration=SHORT), "logs-* 2h write fixing INC-42"),
    "no reason": (flow(reason="required"), "logs-* 2h write"),
    "no reason, and no duration": (flow(reason="required", max_duration=SHORT), "logs-*"),
    "a ticket": (flow(reason="required", reason_pattern="INC-[0-9]+"), "logs-* 1h because"),
    "a ticket, of a hint": (flow(**TICKET, reason_hint=HINT), "logs-* 1h write because"),
    "too long, and a ticket": (
        flow(**TICKET, reason_hint=HINT, max_duration=SHORT),
        "logs-* 2h write CHG0031234 --key",
    ),
    "a key": (flow(credentials=(CredentialKind.PASSWORD,)), "logs-* 3h write fixing INC-42 --key"),
    "a mistyped name": (flow(reason="required"), "logs-ap,logs-* 2h write fixing INC-42"),
}


def explain(world: World, text: str) -> None:
    """Plans a typed request. Raises `AccessError`."""
    command = parse(text, ["read", "write", "manage"])
    assert command.verb is Verb.REQUEST, text
    assert command.draft is not None
    world.requests.explain(REQUESTER, command.draft)


@pytest.mark.parametrize("name", REFUSED)
def test_the_example_of_a_refusal_is_accepted_by_the_same_policy(world: World, name: str) -> None:
    given, typed = REFUSED[name]
    under = world.under(given.model_copy(update={"permissions": ("read", "write")}))
    with pytest.raises(AccessError) as refused:
        explain(under, typed)
    assert refused.value.example is not None
    explain(under, refused.value.example)


def test_no_example_is_shown_where_no_reason_is_known_to_fit(world: World) -> None:
    with pytest.raises(AccessError) as refused:
        explain(world.under(flow(reason="required", reason_pattern="^[0-9a-f]{40}$")), "logs-* 1h read because")
    assert refused.value.example is None


@pytest.mark.parametrize("typed", ["logs-* 1h", "logs-* 1h because"])
def test_a_hint_is_shown_in_place_of_the_expression(world: World, typed: str) -> None:
    with pytest.raises(AccessError) as refused:
        explain(world.under(flow(**TICKET, reason_hint=HINT)), typed)
    assert refused.value.message == f"The access flow “anything” needs a reason: {HINT}"
    assert refused.value.example == "/es-access logs-* 1h read fixing CHG0031234"


def test_a_hint_is_one_line_of_words() -> None:
    for wrong in ("", "  ", "a\nb", "x" * 151):
        with pytest.raises(ValueError, match="1 to 150 characters in one line"):
            flow(reason_hint=wrong)
    assert flow(reason_hint=" A ticket ").reason_hint == "A ticket"
