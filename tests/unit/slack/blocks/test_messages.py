"""Every message and modal passes Slack's limits, with the longest possible content."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from bot.access.lifecycle.timeline import TimelineEvent
from bot.access.models.counter_offers import CounterOffer, OfferState
from bot.access.models.grants import Grant
from bot.access.models.messages import Message, MessageKind
from bot.access.models.request_details import RequestDetails
from bot.access.models.requests import AccessRequest, AskedGroup
from bot.access.requests.counter_offers import MOST_CHOICES, OfferOptions
from bot.access.requests.service import Submission
from bot.access.states import GrantState, RequestState
from bot.sandbox.workspace.blockkit.blocks import check_message_blocks, check_view
from bot.slack.blocks import answers
from bot.slack.blocks.content import MessageContent
from bot.slack.blocks.counter_offers import offer_form
from bot.slack.notifier import _content
from tests.shown import POLICY

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
LONG = [f"{'é' * 120}-{number:02}" for number in range(20)]

ABOUT = {
    TimelineEvent.APPROVAL_GIVEN: "U0BOB",
    TimelineEvent.APPROVED: "es-access",
    TimelineEvent.DENIED: "U0BOB",
    TimelineEvent.CANCELLED: "es-access",
    TimelineEvent.EXPIRED: "es-access",
    TimelineEvent.REMINDED: None,
    TimelineEvent.ESCALATED: "U0BOB",
    TimelineEvent.DELIVERED: "1795550000",
    TimelineEvent.EXTENDED: "U0BOB|1795550000",
    TimelineEvent.EXTENSION_ASKED: "REQ-7K3F9Q",
    TimelineEvent.OFFERED: "1",
    TimelineEvent.OFFER_ACCEPTED: "1",
    TimelineEvent.OFFER_DECLINED: "1",
    TimelineEvent.REPLACED: "U0BOB",
    TimelineEvent.OWNERS_ADDED: "1|2",
    TimelineEvent.WAITS: "U0BOB",
    TimelineEvent.ENDED: None,
}


def details(state: RequestState = RequestState.PENDING, grant: GrantState | None = None) -> RequestDetails:
    request = AccessRequest(
        id="REQ-7K3F9Q", requester="U0ALICE", asked_by="U0LEAD", integration="e" * 40, patterns=LONG,
        permission="p" * 40, duration=3600, reason="<!channel> & " * 38, owners=[f"U0OWNER{n}" for n in range(20)],
        state=state, created_at=NOW, pending_until=NOW, flow="f" * 60, flow_limit=3600, channel="#approvals",
        decided_at=None if state is RequestState.PENDING else NOW, decided_by="U0BOB", decision_reason="no " * 166,
    )  # fmt: skip
    offers = tuple(
        CounterOffer(
            id=number, request_id=request.id, by="U0BOB", patterns=LONG, permission="read", duration=60, at=NOW,
            state=list(OfferState)[number % 4],
        )
        for number in range(12)
    )  # fmt: skip
    groups = tuple(
        AskedGroup(
            id=number, request_id=request.id, label="g" * 255, owners=[], asked=[], approvals=2, escalation=False,
            resources=3,
        )
        for number in range(30)
    )  # fmt: skip
    made = None if grant is None else Grant(
        id=request.id, first_username="es-access-7k3f9q", state=grant, created_at=NOW, expires_at=NOW, ended_by="U0BOB",
        ended_at=NOW if grant is GrantState.CLEANED_UP else None, end_reason="revoked",
        receipt={"user_gone": True, "role_gone": True, "keys_left": 0, "keys_ended": 1, "user_disabled": False},
    )  # fmt: skip
    return RequestDetails(request, made, groups=groups, offers=offers)


def details_of_one_for_each_pattern() -> RequestDetails:
    """One owner group is enough for each pattern, others were asked since, and the last approval waits."""
    pending = details()
    pending.request.any_group, pending.request.route_at = True, NOW
    for group in pending.groups:
        group.added_at, group.patterns = NOW, LONG
        group.asked = ["#approvals"] if group.id == 0 else []
    return pending


STORIES = [
    details(),
    details_of_one_for_each_pattern(),
    *(details(state) for state in RequestState if state is not RequestState.PENDING),
    *(details(RequestState.APPROVED, state) for state in GrantState),
]


def row(kind: MessageKind, about: str | None = None, notice: str | None = None) -> Message:
    return Message(request_id="REQ-7K3F9Q", kind=kind, recipient="#approvals", about=about, notice=notice)


def check(content: MessageContent) -> str:
    """Raises the error that Slack would answer. Returns the text, as a screen reader reads it."""
    blocks: list[dict[str, Any]] = json.loads(json.dumps([each.to_dict() for each in content.blocks]))
    check_message_blocks(blocks)
    assert content.text.strip()
    assert "<!channel>" not in content.text
    assert len(content.text) < 5_000
    return content.text


@pytest.mark.parametrize("kind", [MessageKind.APPROVAL, MessageKind.REMINDER, MessageKind.OUTCOME, MessageKind.ENDED])
def test_messages_with_the_longest_that_can_be_in_them_are_taken(kind: MessageKind) -> None:
    for each in STORIES:
        check(_content(row(kind), each))


def test_an_owner_reads_who_was_asked_since_and_what_else_their_yes_gives() -> None:
    short = details_of_one_for_each_pattern()
    short = replace(short, groups=short.groups[:3])
    short.request.patterns = ["logs-*", "metrics-*"]
    for group in short.groups:
        group.label, group.patterns = f"@team-{group.id}", ["logs-*"]
    text = check(_content(row(MessageKind.APPROVAL), short))
    assert "One of these has to approve for each pattern:" in text
    assert "3 owners more since it was filed." in text
    assert "your yes also gives the data of @team-1, @team-2." in text
    assert "The cluster does not answer, so the request waits" in text
    assert "your yes also gives" not in check(_content(row(MessageKind.APPROVAL), details()))


def test_offers_in_every_state_are_taken() -> None:
    for each in STORIES:
        for offer in each.offers:
            check(_content(row(MessageKind.OFFER, str(offer.id)), each))


def test_notes_before_the_end_in_every_state_are_taken() -> None:
    texts = set()
    for end in (NOW, NOW + timedelta(hours=1)):
        for each in STORIES:
            if each.grant is not None:
                texts.add(check(_content(row(MessageKind.WARNING, f"{end.isoformat()} 1"), each)).split("\n")[0])
    endings = {"ends soon", "goes on", "has ended", "was written off"}
    assert texts == {f"Access REQ-7K3F9Q {ending}" for ending in endings}


def test_every_line_of_a_thread_is_taken_alone_and_all_of_them_together() -> None:
    assert set(ABOUT) == set(TimelineEvent)
    lines = [what.value if about is None else f"{what.value}|{about}" for what, about in ABOUT.items()]
    for each in STORIES:
        for line in lines:
            check(_content(row(MessageKind.THREAD, notice=line), each))
        check(_content(row(MessageKind.THREAD, notice="\n".join(lines)), each))
    assert check(_content(row(MessageKind.THREAD, notice="of_a_newer_version|x"), STORIES[0]))


def test_what_somebody_is_told_who_did_not_ask_is_taken() -> None:
    for each in STORIES:
        text = check(_content(row(MessageKind.ASKED), each))
        assert "<@U0LEAD> asks for access for <@U0ALICE>." in text


def test_the_answer_to_the_same_request_is_taken() -> None:
    for each in (details(), details(RequestState.APPROVED, GrantState.ACTIVE)):
        assert "already" in check(answers.filed(Submission(each.request, None, each)))


def test_an_answer_that_could_not_be_sent_says_so_where_it_stands() -> None:
    assert "I cannot send you direct messages" in check(answers.without_dm(answers.offer_made(details())))


@pytest.mark.parametrize("extends", [None, "REQ-000001"])
def test_the_window_of_an_offer_is_taken(extends: str | None) -> None:
    request = details().request
    request.extends = extends
    names = tuple(dict.fromkeys([*LONG, "x" * 255, *(f"logs-{number}" for number in range(100))]))[:MOST_CHOICES]
    view = offer_form(OfferOptions(request, ("p" * 40, "read"), names))
    check_view(json.loads(json.dumps(view.to_dict())), ("modal",))


def test_the_status_of_a_request_does_not_call_its_reader_an_owner() -> None:
    shown = json.dumps([each.to_dict() for each in answers.status(details()).blocks])
    assert "You are asked" not in shown
    assert "Asked: " in shown


@pytest.mark.parametrize(
    ("offered", "words"),
    [(["read", "write"], "Permissions: read, write. "), ([], "No access flow lets you ask for anything: ")],
)
def test_help_names_the_permissions_that_the_reader_may_ask_for(offered: list[str], words: str) -> None:
    assert words in json.dumps([each.to_dict() for each in answers.help_text(POLICY, offered).blocks])
