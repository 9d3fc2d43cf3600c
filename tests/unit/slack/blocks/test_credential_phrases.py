"""Phrases in messages about passwords, API keys, dangerous permissions and receipts."""

import shlex
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pydantic import SecretStr

from bot.access.models.columns import CredentialKind, Delivery
from bot.access.models.grants import Grant
from bot.access.models.messages import MessageKind
from bot.access.models.receipts import Receipt
from bot.access.models.request_details import RequestDetails
from bot.access.models.requests import AccessRequest
from bot.access.policy.access_flow import AccessFlow
from bot.access.policy.model import Integration, Policy
from bot.access.ports import Credential
from bot.access.states import EndReason, GrantState, RequestState
from bot.slack import ids
from bot.slack.blocks import answers, messages, modal_forms
from bot.slack.blocks.approval import approval
from bot.slack.blocks.content import MessageContent
from bot.slack.blocks.credential import credential, delivered
from bot.slack.blocks.form import FormValues, request_form
from bot.slack.blocks.messages import unconfirmed
from bot.slack.blocks.parts.first_use import search_line
from bot.slack.blocks.parts.risks import risks
from bot.slack.blocks.phrases import receipt_line, request_terms
from bot.slack.blocks.rich_text import fallback

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
NAME = "es-access-7k3f9q"
PASSWORD, KEY = CredentialKind.PASSWORD, CredentialKind.API_KEY
PRODUCTION = Integration(name="production", owner=("U0OWNER",), public_url="https://es.example")

GONE = Receipt(user_gone=True, role_gone=True, keys_left=0)


def details(kind: CredentialKind = PASSWORD, delivery: Delivery = Delivery.MESSAGE, **of_grant: Any) -> RequestDetails:
    request = AccessRequest(
        id="REQ-7K3F9Q", requester="U0ALICE", integration="production", patterns=["logs-*"], permission="read",
        duration=3600, kind=kind, delivery=delivery, flow="everyone", owners=["U0OWNER"], state=RequestState.APPROVED,
        created_at=NOON, pending_until=NOON + HOUR, decided_by="U0OWNER", decided_at=NOON,
    )  # fmt: skip
    values = {"state": GrantState.ACTIVE, "created_at": NOON, "expires_at": NOON + HOUR, **of_grant}
    return RequestDetails(request, Grant(id=request.id, first_username=NAME, **values))


def ended(kind: CredentialKind, receipt: Receipt | None, **of_grant: Any) -> RequestDetails:
    values = {
        "state": GrantState.CLEANED_UP,
        "ended_at": NOON + HOUR,
        "end_reason": EndReason.EXPIRED.value,
        **of_grant,
    }
    return details(kind, receipt=receipt.stored() if receipt else None, **values)


def text_of(content: MessageContent) -> str:
    return str([block.to_dict() for block in content.blocks])


# --- the requested access ---


def test_what_was_asked_for_names_its_kind_once_that_is_known() -> None:
    assert fallback([request_terms(details(KEY).request)]) == "read on logs-* in production for 1h, as an API key"
    request = details().request
    assert fallback([request_terms(request)]) == "read on logs-* in production for 1h, with a password"
    request.flow = ""
    assert fallback([request_terms(request)]) == "read on logs-* in production for 1h"
    request.kind = KEY
    assert fallback([request_terms(request)]) == "read on logs-* in production for 1h, as an API key"


@pytest.mark.parametrize(
    ("held", "words"),
    [
        ({"cluster": ["monitor", "all"]}, "holds the cluster privileges monitor, all."),
        ({"run_as": ["bob"]}, "may act as the users bob."),
        ({"restricted_indices": True}, "covers system indices."),
        ({"cluster": ["all"], "run_as": ["a", "b"], "restricted_indices": True},
         "holds the cluster privileges all; may act as the users a, b; covers system indices."),
    ],
)  # fmt: skip
def test_dangers_are_said_in_words(held: dict[str, Any], words: str) -> None:
    (line,) = risks({"indices": ["read"], **held}, PASSWORD)
    assert fallback([line]).startswith(f"Dangerous: besides indices this role {words} What is made with it is not")


def test_a_role_of_indices_and_kibana_is_no_danger() -> None:
    assert risks({"indices": ["all"], "kibana": ["feature_discover.read"], "spaces": ["default"]}, PASSWORD) == []


def test_an_owner_reads_of_dangers_before_and_after_the_decision() -> None:
    there = details()
    there.request.privileges = {"indices": ["read"], "cluster": ["manage_security"]}
    for state in (RequestState.PENDING, RequestState.APPROVED):
        there.request.state = state
        assert "manage_security" in text_of(approval(there, "U0OWNER"))


# --- the secret ---


@pytest.mark.parametrize("secret", ["VnVhQ2ZHY0JDZGJrUW0tZTVhT3g6dWkybHAyYXhUTm1zeWFrdzl0dk5udw==", "a+b/c="])
def test_the_line_of_a_key_is_one_header_and_one_address(secret: str) -> None:
    line = search_line(PRODUCTION, ["logs-*", "it's"], Credential(NAME, SecretStr(secret), "id"))
    assert shlex.split(line) == [
        "curl", "-H", f"Authorization: ApiKey {secret}", "https://es.example/logs-*,it%27s/_search?size=1",
    ]  # fmt: skip


def test_the_line_of_a_password_signs_in_as_the_user() -> None:
    line = search_line(PRODUCTION, ["logs-*"], Credential(NAME, SecretStr("secret")))
    assert shlex.split(line) == ["curl", "-u", f"{NAME}:secret", "https://es.example/logs-*/_search?size=1"]


def test_a_key_is_shown_without_a_username_and_its_notification_without_it() -> None:
    content = delivered(details(KEY), PRODUCTION, Credential(NAME, SecretStr("key-secret"), "id"))
    shown = text_of(content)
    for words in ("API key: ", "key-secret", "Ends: ", "Revoke now", "Extend", "Reset"):
        assert words in shown
    assert "Username" not in shown
    assert "key-secret" not in content.text


def test_reset_asks_first_and_carries_an_id_alone() -> None:
    content = delivered(details(), PRODUCTION, Credential(NAME, SecretStr("secret")))
    (reset,) = [each for each in content.blocks[-1].to_dict()["elements"] if each["action_id"] == ids.RESET]
    assert reset["value"] == "REQ-7K3F9Q"
    assert "which stops" in reset["confirm"]["text"]["text"]


# --- revealed ---


def test_what_is_revealed_has_its_button_only_while_it_is_active() -> None:
    def actions(state: GrantState) -> list[str]:
        content = credential(details(KEY, Delivery.REVEAL, state=state))
        found = [block.to_dict() for block in content.blocks if block.type == "actions"]
        return [each["action_id"] for block in found for each in block["elements"]]

    assert actions(GrantState.ACTIVE) == [ids.REVEAL, ids.REVOKE, ids.EXTEND]
    for state in set(GrantState) - {GrantState.ACTIVE}:
        assert actions(state) == []


@pytest.mark.parametrize(
    ("kind", "extended", "said"), [(KEY, True, True), (KEY, False, False), (PASSWORD, True, False)]
)
def test_a_key_of_before_an_extension_is_warned_of(kind: CredentialKind, extended: bool, said: bool) -> None:
    until = NOON + (2 if extended else 1) * HOUR
    content = credential(details(kind, Delivery.REVEAL, expires_at=until))
    assert ("before the extension ends at the old time" in content.text) is said


def test_the_window_has_no_text_for_notifications_and_no_metadata() -> None:
    content = answers.revealed(
        details(KEY, Delivery.REVEAL), PRODUCTION, Credential(NAME, SecretStr("key-secret"), "id")
    )
    assert content.text == ""
    view = modal_forms.shown(content.blocks).to_dict()
    assert "key-secret" in str(view["blocks"])
    assert "private_metadata" not in view
    assert "replaces what you revealed before" in str(view["blocks"])


@pytest.mark.parametrize(
    ("kind", "delivery", "words"),
    [
        (PASSWORD, Delivery.MESSAGE, "Nothing else changed."),
        (PASSWORD, Delivery.REVEAL, "Nothing else changed."),
        (KEY, Delivery.MESSAGE, "A new API key takes the place of the old one"),
        (KEY, Delivery.REVEAL, "still ends at the old time: press Reveal"),
    ],
)
def test_an_extension_says_what_becomes_of_the_secret(kind: CredentialKind, delivery: Delivery, words: str) -> None:
    there = details(kind, delivery)
    there.request.extends = "REQ-000000"
    assert words in messages.outcome(there).text


# --- the end ---

PROOFS = [
    (PASSWORD, GONE, None, "User, role and API keys are gone, read back from the cluster."),
    (PASSWORD, Receipt(True, True, 0, keys_ended=1), None, "read back from the cluster (1 key ended)."),
    (PASSWORD, Receipt(True, True, 0, keys_ended=3), None, "read back from the cluster (3 keys ended)."),
    (PASSWORD, Receipt(True, True, 0, tokens_ended=2), None, "read back from the cluster (2 tokens ended)."),
    (PASSWORD, Receipt(True, True, 0, keys_ended=1, tokens_ended=4), None, "(1 key, 4 tokens ended)."),
    (PASSWORD, Receipt(False, True, 0, user_disabled=True, tokens_ended=2), NOON, "keys are gone. 2 tokens ended."),
    (KEY, Receipt(True, True, 0, keys_ended=1), None, "The key has ended, read back from the cluster."),
    (KEY, GONE, None, "The key has ended, read back from the cluster."),
    (PASSWORD, Receipt(False, True, 0, user_disabled=True), NOON, "its role and keys are gone."),
    (PASSWORD, None, None, "User, role and keys are gone from the cluster."),
    (PASSWORD, Receipt(False, False, None, foreign=True), None, "Nothing was made for it in the cluster."),
]


@pytest.mark.parametrize(("kind", "receipt", "due_at", "words"), PROOFS)
def test_the_receipt_is_one_line(
    kind: CredentialKind, receipt: Receipt | None, due_at: datetime | None, words: str
) -> None:
    there = ended(kind, receipt, due_at=due_at)
    assert there.grant is not None
    assert fallback([receipt_line(there.grant, there.request)]).endswith(words)
    for one in (MessageKind.ENDED, MessageKind.CREDENTIAL, MessageKind.APPROVAL):
        assert words in messages.message(one, there, "U0OWNER").text


OPEN = "It does not stop a request that is still open"


@pytest.mark.parametrize(
    ("kind", "held", "said"),
    [
        (KEY, ["read"], False),
        (KEY, ["create_doc"], True),
        (KEY, ["maintenance"], True),
        (KEY, ["of_a_newer_version"], True),
        (PASSWORD, ["write"], False),
    ],
)
def test_what_the_end_of_a_key_does_not_stop_is_said_before_the_yes_and_after_the_end(
    kind: CredentialKind, held: list[str], said: bool
) -> None:
    there = ended(kind, GONE)
    there.request.privileges = {"indices": held}
    for one in (MessageKind.ENDED, MessageKind.CREDENTIAL, MessageKind.APPROVAL):
        assert (OPEN in messages.message(one, there, "U0OWNER").text) is said
    there.request.state = RequestState.PENDING
    assert (OPEN in messages.message(MessageKind.APPROVAL, there, "U0OWNER").text) is said


def test_a_kept_user_is_told_of_with_the_time_of_its_deletion() -> None:
    there = ended(PASSWORD, Receipt(False, True, 0, user_disabled=True), due_at=NOON, state=GrantState.REVOKED)
    assert f"The user is disabled and is deleted on <!date^{int(NOON.timestamp())}^" in messages.ended(there).text


def test_what_was_removed_by_hand_is_explained_to_its_requester() -> None:
    there = ended(PASSWORD, GONE, end_reason=EndReason.REMOVED_BY_HAND.value)
    text = credential(there).text
    assert "Ended: it was removed from the cluster by hand" in text
    assert "ask them, then ask for access anew" in text


def test_only_a_message_that_held_a_secret_says_that_it_was_removed() -> None:
    assert "was removed from this message" in credential(ended(KEY, GONE)).text
    there = ended(KEY, GONE)
    there.request.delivery = Delivery.REVEAL
    assert "removed from this message" not in credential(there).text


@pytest.mark.parametrize(
    ("kind", "first"),
    [(PASSWORD, f"DELETE /_security/user/{NAME}"), (KEY, "DELETE /_security/api_key")],
)
def test_what_cannot_be_ended_comes_with_the_calls_for_that_kind(kind: CredentialKind, first: str) -> None:
    receipt = Receipt(user_gone=True, role_gone=False, keys_left=None, errors=("Elasticsearch answered 503",))
    there = details(kind, state=GrantState.REVOCATION_FAILED, receipt=receipt.stored(), end_reason="expired")
    text = messages.failed(there).text
    assert "Not confirmed: its role, its API keys." in text
    assert "The reason: Elasticsearch answered 503." in text
    calls = [line for line in text.splitlines() if line.startswith("DELETE ")]
    assert calls[0] == first
    about = {call.split()[1].rpartition("/_security/")[2].partition("/")[0] for call in calls}
    tokens = {"oauth2"} if kind is CredentialKind.PASSWORD else set()
    assert about == {"api_key", "role", "user"} | tokens


def test_before_the_first_receipt_nothing_is_confirmed() -> None:
    grant = details(state=GrantState.REVOCATION_FAILED).grant
    assert grant is not None
    assert fallback(unconfirmed(grant)) == "Not confirmed: the user, its role, its API keys."


# --- the form ---


def purposes(*flows: AccessFlow) -> list[str]:
    """The options for the credential, the selected one first."""
    view = request_form(Policy(integrations=(PRODUCTION,), access_flows=flows), FormValues()).to_dict()
    found = [block["element"] for block in view["blocks"] if block.get("block_id") == ids.PURPOSE]
    return [option["value"] for element in found for option in element["options"]]


def flow(name: str, *kinds: str, **values: Any) -> AccessFlow:
    return AccessFlow(name=name, **values, **({"credentials": kinds} if kinds else {}))


def test_the_form_has_a_choice_only_where_there_is_one() -> None:
    assert purposes(flow("a")) == ["password", "api_key"]
    assert purposes(flow("a", "password")) == []
    assert purposes(flow("a", "api_key")) == []
    assert purposes(flow("a", "api_key", "password")) == ["api_key", "password"]
    assert purposes(flow("a", "password"), flow("b", "api_key")) == ["default", "password", "api_key"]
    assert purposes(flow("a", "password"), flow("b", deny=True)) == []
    assert purposes(flow("a", "password"), flow("b", automatic=True, requesters=("@x",))) == []
