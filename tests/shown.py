"""Every message, answer and view, made of fixed rows, for the snapshots. Add new ones here."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from pydantic import SecretStr
from slack_sdk.models.views import View

from bot.access.errors import InvalidRequest
from bot.access.ids import APPLICATION
from bot.access.lookup.home_tab import HomeTabContent, Section
from bot.access.models.columns import CredentialKind, Delivery
from bot.access.models.counter_offers import CounterOffer, OfferState
from bot.access.models.grants import Grant
from bot.access.models.home import Favourite
from bot.access.models.limits import Limits
from bot.access.models.messages import MessageKind
from bot.access.models.ownership import OwnershipChange, OwnershipState
from bot.access.models.receipts import Receipt
from bot.access.models.request_details import RequestDetails
from bot.access.models.requests import AccessRequest, Approval, AskedGroup
from bot.access.policy.access_flow import AccessFlow
from bot.access.policy.limits.fields import FieldLimits
from bot.access.policy.limits.query import canonical, since
from bot.access.policy.model import PERMISSIONS, Integration, Permission, Policy
from bot.access.policy.owner_groups import OwnerGroup
from bot.access.ports import Credential, Resource
from bot.access.requests.counter_offers import OfferOptions
from bot.access.requests.drafts import ParsedRequest
from bot.access.requests.preview import Preview
from bot.access.requests.routing import Plan
from bot.access.requests.service import Submission
from bot.access.states import EndReason, GrantState, RequestState
from bot.access.store.home import RequestPage
from bot.slack.blocks import answers, form, home, messages, modal_forms
from bot.slack.blocks.break_glass import to_review
from bot.slack.blocks.content import MessageContent
from bot.slack.blocks.counter_offers import offer_form, offer_message
from bot.slack.blocks.credential import delivered, given_to_account
from bot.slack.blocks.form_preview import preview
from bot.slack.blocks.messages import asked_for_you, expiry_warning
from bot.slack.blocks.ownership import owner_changed
from bot.slack.blocks.parts.own_account import checked
from bot.slack.blocks.rich_text import Line
from bot.slack.blocks.threads import note

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
ALICE, BOB, CAROL = "U0ALICE", "U0BOB", "U0CAROL"

Shown = MessageContent | View

PROD = Integration(name="prod", owner=("@platform",), public_url="https://es.example.com", access_details="Ask {url}")
STAGING = Integration(name="staging", owner=("@platform",), public_url="https://staging.example.com")
WITH_KIBANA = PROD.model_copy(
    update={
        "kibana_url": "https://kibana.example.com", "kibana_space": "ops", "ca_file": "ca.pem",
        "ca_hint": "Download it from https://wiki.example.com/ca.",
    }
)  # fmt: skip
CAREFUL = AccessFlow(name="careful", reason="required", max_duration=4 * HOUR, permissions=("read", "write"))
KEYS = AccessFlow(name="scripts", credentials=(CredentialKind.API_KEY,), max_duration=24 * HOUR, approve="rule")
POLICY = Policy(integrations=(PROD,), access_flows=(CAREFUL,))
WIDE = Policy(integrations=(PROD, STAGING), access_flows=(CAREFUL, KEYS))

SEEN = Preview(2, 1, 1, 3_400_000_000, ("logs-app", "logs-web"), grows=True)
GROUP = OwnerGroup("@web", ("@web",), 1, 3, (BOB,))
PLATFORM = OwnerGroup("prod", ("@platform",), 2, 1, (CAROL,))
RECEIPT = Receipt(user_gone=True, role_gone=True, keys_left=0, keys_ended=1).stored()
NOT_YET = Receipt(user_gone=False, role_gone=True, keys_left=None, errors=("Elasticsearch answered 503",)).stored()

PASSWORD = Credential("es-access-7k3f9q", SecretStr("not-a-real-password"))
API_KEY = Credential("es-access-7k3f9q", SecretStr("bm90OnJlYWw="), "key-1")


def request(state: RequestState = RequestState.PENDING, **more: Any) -> AccessRequest:
    """A request of Alice's."""
    decided = state in {RequestState.APPROVED, RequestState.DENIED}
    values: dict[str, Any] = {
        "id": "REQ-7K3F9Q", "requester": ALICE, "integration": "prod", "patterns": ["logs-*"], "permission": "read",
        "duration": 3600, "reason": "fixing <INC-42>", "flow": "careful", "flow_limit": 4 * 3600,
        "privileges": PERMISSIONS[0].stored(), "preview": SEEN.stored(), "owners": [BOB, CAROL], "state": state,
        "created_at": NOW, "pending_until": NOW + 8 * HOUR, "kind": CredentialKind.PASSWORD,
        "delivery": Delivery.MESSAGE, "decided_by": BOB if decided else None,
        "decided_at": None if state is RequestState.PENDING else NOW,
    }  # fmt: skip
    return AccessRequest(**(values | more))


def grant(state: GrantState = GrantState.ACTIVE, **more: Any) -> Grant:
    """The grant of the request."""
    gone = state in {GrantState.REVOKED, GrantState.CLEANED_UP}
    values: dict[str, Any] = {
        "id": "REQ-7K3F9Q", "first_username": "es-access-7k3f9q", "state": state, "created_at": NOW,
        "expires_at": NOW + HOUR, "ended_at": NOW + HOUR if gone else None, "receipt": RECEIPT if gone else None,
    }  # fmt: skip
    return Grant(**(values | more))


def details(asked: AccessRequest, given: Grant | None = None, *, yes: tuple[str, ...] = ()) -> RequestDetails:
    """The details of one request."""
    groups = (
        AskedGroup(id=1, request_id=asked.id, label="@web", owners=["@web"], asked=[BOB], approvals=1, resources=3),
        AskedGroup(id=2, request_id=asked.id, label="prod", owners=["@p"], asked=[CAROL], approvals=2, resources=1),
    )
    said = tuple(Approval(request_id=asked.id, approver=each, approved=True, groups=[1], at=NOW) for each in yes)
    return RequestDetails(asked, given, said, groups)


APPROVED = RequestState.APPROVED
LIVE = details(request(APPROVED), grant(), yes=(BOB,))
MADE = details(request(APPROVED), grant(GrantState.PROVISIONING), yes=(BOB,))
ENDED = details(
    request(APPROVED), grant(GrantState.CLEANED_UP, end_reason=EndReason.REVOKED.value, ended_by=CAROL), yes=(BOB,)
)
KEY: dict[str, Any] = {"kind": CredentialKind.API_KEY}
BY_HAND = details(request(APPROVED), grant(GrantState.CLEANED_UP, end_reason=EndReason.REMOVED_BY_HAND.value))
STUCK = details(
    request(APPROVED), grant(GrantState.REVOCATION_FAILED, end_reason=EndReason.EXPIRED.value, receipt=NOT_YET)
)
GIVEN_UP = details(
    request(APPROVED, **KEY), grant(GrantState.WRITTEN_OFF, end_reason=EndReason.EXPIRED.value, receipt=NOT_YET)
)
NOT_MADE = details(request(APPROVED), grant(GrantState.CLEANED_UP, end_reason=EndReason.NOT_CREATED.value))
UNUSABLE = {
    end: details(request(APPROVED), grant(GrantState.CLEANED_UP, end_reason=end.value))
    for end in (EndReason.NOT_ACCEPTED, EndReason.NOT_EVALUATED, EndReason.GIVES_LESS, EndReason.NOT_LIMITED)
}
GLASS: dict[str, Any] = {"flow": "emergency", "break_glass": True, "decided_by": APPLICATION}
OVER = grant(GrantState.CLEANED_UP, end_reason=EndReason.EXPIRED.value)
WRITING_KEY: dict[str, Any] = {**KEY, "permission": "write", "privileges": PERMISSIONS[1].stored()}
STARTED = {"since": (NOW + HOUR / 2).isoformat(), "client": ""}
TASKS: dict[str, Any] = {
    "count": 7, "looked_at": (NOW + HOUR).isoformat(),
    "tasks": [
        {**STARTED, "id": "n0de:12", "action": "_bulk", "names": [], "cancellable": True, "client": "<!channel> `x`"},
        {**STARTED, "id": "n0de:13", "action": "indices:data/write/bulk", "names": ["logs-web"], "cancellable": False},
    ],
}  # fmt: skip
WENT_ON = details(
    request(APPROVED, **WRITING_KEY),
    grant(GrantState.CLEANED_UP, end_reason=EndReason.EXPIRED.value, unfinished=TASKS),
    yes=(BOB,),
)
EXTENSION = details(request(APPROVED, id="REQ-0EXT01", extends="REQ-7K3F9Q"), grant(), yes=(BOB,))
OWN: dict[str, Any] = {
    "kind": CredentialKind.OWN_ACCOUNT,
    "account": {"username": "alice@example.com", "realm": "corp", "role": "es-access-own-u0alice"},
}
TAKEN = Receipt(user_gone=True, role_gone=True, keys_left=0, keys_ended=2).stored()
LEFT = Receipt(user_gone=True, role_gone=False, keys_left=0, errors=("Elasticsearch answered 503",)).stored()
OWN_ENDED = details(
    request(APPROVED, **OWN), grant(GrantState.CLEANED_UP, end_reason=EndReason.EXPIRED.value, receipt=TAKEN)
)
OWN_STUCK = details(
    request(APPROVED, **OWN), grant(GrantState.REVOCATION_FAILED, end_reason=EndReason.EXPIRED.value, receipt=LEFT)
)
REVEAL: dict[str, Any] = {"delivery": Delivery.REVEAL}
PART = Permission(
    name="support", indices=("read",), fields=FieldLimits(hidden=("ssn", "card.*")),
    query=canonical({"bool": {"filter": [{"term": {"level": "error"}}, {"wildcard": {"host": "<!channel>*"}}]}}),
)  # fmt: skip
ALMIGHTY = Permission(name="admin", indices=("all",), cluster=("manage",), run_as=("root",), restricted_indices=True)
PLAN = Plan(
    CAREFUL,
    HOUR,
    (GROUP, PLATFORM),
    (BOB, CAROL),
    SEEN,
    CredentialKind.PASSWORD,
    PERMISSIONS[0],
    problems=("“x” is nobody",),
)
EMERGENCY = AccessFlow(name="emergency", break_glass=True, max_duration=HOUR, channel="#security")
BROKEN = Plan(
    EMERGENCY, HOUR, (GROUP,), (), SEEN, CredentialKind.PASSWORD, PERMISSIONS[0], watchers=(BOB, CAROL), by_rule=True
)
RULED = Plan(KEYS, HOUR, (), (), SEEN, CredentialKind.API_KEY, PERMISSIONS[0], by_rule=True)
WISH = ParsedRequest(ALICE, PROD, ("logs-*",), PERMISSIONS[0], HOUR, "", None)


def _messages() -> dict[str, Shown]:
    def of(kind: MessageKind, about: RequestDetails, who: str = ALICE) -> MessageContent:
        return messages.message(kind, about, who)

    return {
        "approval-pending": of(MessageKind.APPROVAL, details(request()), BOB),
        "approval-half-decided": of(MessageKind.APPROVAL, details(request(), yes=(BOB,)), CAROL),
        "approval-mine-is-given": of(MessageKind.APPROVAL, details(request(), yes=(BOB,)), BOB),
        "approval-of-an-extension": of(MessageKind.APPROVAL, details(request(extends="REQ-000001")), BOB),
        "approval-of-a-danger": of(MessageKind.APPROVAL, details(request(privileges=ALMIGHTY.stored())), BOB),
        "approval-of-a-part": of(
            MessageKind.APPROVAL, details(request(permission="support", privileges=PART.stored())), BOB
        ),
        "credential-of-a-part": delivered(
            details(request(APPROVED, permission="support", privileges=PART.stored()), grant()), PROD, PASSWORD
        ),
        "approval-that-can-change-owners": messages.message(
            MessageKind.APPROVAL, details(request(permission="write")), BOB, writes_owner=True
        ),
        "approval-without-a-preview": of(MessageKind.APPROVAL, details(request(preview=None)), BOB),
        "approval-approved": of(MessageKind.APPROVAL, LIVE, BOB),
        "approval-ended": of(MessageKind.APPROVAL, ENDED, BOB),
        "approval-denied": of(
            MessageKind.APPROVAL, details(request(RequestState.DENIED, decision_reason="ask for less")), BOB
        ),
        "approval-expired": of(MessageKind.APPROVAL, details(request(RequestState.EXPIRED)), BOB),
        "approval-cancelled": of(MessageKind.APPROVAL, details(request(RequestState.CANCELLED, decided_by=ALICE)), BOB),
        "reminder": of(MessageKind.REMINDER, details(request()), BOB),
        "credential-in-the-making": of(MessageKind.CREDENTIAL, MADE),
        "credential-ended": of(MessageKind.CREDENTIAL, ENDED),
        "credential-removed-by-hand": of(MessageKind.CREDENTIAL, BY_HAND),
        "credential-to-reveal": of(MessageKind.CREDENTIAL, details(request(APPROVED, **REVEAL), grant())),
        "credential-key-to-reveal-anew": of(
            MessageKind.CREDENTIAL, details(request(APPROVED, **REVEAL, **KEY), grant(expires_at=NOW + 2 * HOUR))
        ),
        "credential-password": delivered(LIVE, PROD, PASSWORD),
        "credential-password-with-kibana": delivered(LIVE, WITH_KIBANA, PASSWORD),
        "credential-key": delivered(details(request(APPROVED, **KEY), grant()), PROD, API_KEY),
        "credential-own-account": given_to_account(details(request(APPROVED, **OWN), grant()), WITH_KIBANA),
        "credential-own-account-first-time": given_to_account(
            details(request(APPROVED, **{**OWN, "account": {**OWN["account"], "first_time": "now"}}), grant()), PROD
        ),
        "credential-own-account-ended": of(MessageKind.CREDENTIAL, OWN_ENDED),
        "approval-of-own-account": of(MessageKind.APPROVAL, details(request(**OWN)), BOB),
        "ended-own-account": of(MessageKind.ENDED, OWN_ENDED),
        "failed-to-end-own-account": of(MessageKind.FAILED, OWN_STUCK, BOB),
        "outcome-denied": of(MessageKind.OUTCOME, details(request(RequestState.DENIED, decision_reason="no"))),
        "outcome-expired": of(MessageKind.OUTCOME, details(request(RequestState.EXPIRED))),
        "outcome-extended": of(MessageKind.OUTCOME, EXTENSION),
        "delayed": of(MessageKind.DELAYED, MADE),
        "ended": of(MessageKind.ENDED, ENDED),
        "ended-key-that-writes": of(MessageKind.ENDED, details(request(APPROVED, **WRITING_KEY), OVER)),
        "approval-of-a-key-that-writes": of(MessageKind.APPROVAL, details(request(**WRITING_KEY)), BOB),
        "unfinished-tasks": of(MessageKind.UNFINISHED, WENT_ON, BOB),
        "ended-with-unfinished-tasks": of(MessageKind.ENDED, WENT_ON),
        "written-off": of(MessageKind.ENDED, GIVEN_UP),
        "failed-and-written-off": of(MessageKind.FAILED, GIVEN_UP, BOB),
        "credential-written-off": of(MessageKind.CREDENTIAL, GIVEN_UP),
        "failed-to-end": of(MessageKind.FAILED, STUCK, BOB),
        "failed-to-be-made": of(MessageKind.FAILED, NOT_MADE, BOB),
        **{f"failed-{end.name.lower()}": of(MessageKind.FAILED, each, BOB) for end, each in UNUSABLE.items()},
        "credential-that-did-not-work": of(MessageKind.CREDENTIAL, UNUSABLE[EndReason.NOT_ACCEPTED]),
        "ended-since-it-did-not-work": of(MessageKind.ENDED, UNUSABLE[EndReason.NOT_ACCEPTED]),
        "failed-and-ended-after-all": of(MessageKind.FAILED, ENDED, BOB),
        "notice": messages.notice(f"An access of <@{ALICE}> was found in the cluster, and ended."),
    }


def _answers() -> dict[str, Shown]:
    named = [Resource("logs-web", "index", ("@web",)), Resource("logs", "alias", (None,), 0, ("logs-web",))]
    return {
        "answer-filed": answers.filed(Submission(request(), PLAN)),
        "answer-filed-extension": answers.filed(Submission(request(extends="REQ-000001"), PLAN)),
        "answer-filed-by-rule": answers.filed(Submission(request(**KEY), RULED)),
        "answer-filed-break-glass": answers.filed(Submission(request(APPROVED, **GLASS), BROKEN)),
        "answer-explained-break-glass": answers.explained(WISH, BROKEN),
        "answer-help-with-break-glass": answers.help_text(
            Policy(integrations=(PROD,), access_flows=(EMERGENCY,)), ["read"]
        ),
        "answer-status-break-glass": answers.status(details(request(APPROVED, **GLASS), grant())),
        "answer-filed-and-waiting": answers.filed(Submission(request(), None)),
        "answer-there-already": answers.filed(
            Submission(request(), None, LIVE, longer=("/es-access extend REQ-7K3F9Q 3h",))
        ),
        "answer-asked-already": answers.filed(
            Submission(
                request(),
                None,
                details(request()),
                longer=("/es-access cancel REQ-7K3F9Q", "/es-access logs-* 4h read fixing INC-42"),
            )
        ),
        "answer-explained": answers.explained(WISH, PLAN),
        "answer-explained-part": answers.explained(replace(WISH, permission=PART), replace(PLAN, permission=PART)),
        "answer-explained-by-rule": answers.explained(WISH, RULED),
        "answer-resources": answers.resources(named, "logs"),
        "answer-resources-many": answers.resources(named * 20, "logs"),
        "answer-resources-none": answers.resources([], "zzz"),
        "answer-cancelled": answers.cancelled(details(request(RequestState.CANCELLED))),
        "answer-revoking": answers.revoking(LIVE),
        "answer-resetting": answers.resetting(LIVE),
        "answer-revealed": answers.revealed(details(request(APPROVED, **REVEAL), grant()), PROD, PASSWORD),
        "answer-status": answers.status(LIVE),
        "answer-list": answers.listed([details(request()), LIVE, ENDED], NOW),
        "answer-list-empty": answers.listed([], NOW),
        "answer-help": answers.help_text(POLICY, ["read", "write"]),
        "answer-check-works": checked(works=True),
        "answer-check-not-yet": checked(works=False),
        "answer-check-unknown": checked(works=None),
        "answer-refused": answers.refused(InvalidRequest("“LOGS” is not lower case.", "/es-access logs-* 1h")),
        "answer-unreachable": answers.unreachable("Elasticsearch does not answer"),
        "answer-unforeseen": answers.unexpected_error("0a1b2c3d"),
    }


def _changes() -> list[OwnershipChange]:
    return [
        OwnershipChange(
            id=7, integration="prod", request_id="REQ-7K3F9Q", grants=["REQ-7K3F9Q"], names=["logs-own-1"],
            before="@web", after="U0DAVE004", counting=["@web"], state=state, noticed_at=NOW,
            decided_by=None if state in {OwnershipState.OPEN, OwnershipState.REPLACED} else BOB,
            decided_at=None if state is OwnershipState.OPEN else NOW,
        )
        for state in OwnershipState
    ]  # fmt: skip


def _removed() -> OwnershipChange:
    return OwnershipChange(
        id=8, integration="prod", request_id="REQ-7K3F9Q", grants=["REQ-7K3F9Q", "REQ-000002"],
        names=[f"logs-{number:03}" for number in range(40)], before="<!channel> `x`", after=None, counting=[None],
        noticed_at=NOW,
    )  # fmt: skip


def _several(count: int) -> OwnershipChange:
    owners = {f"logs-{number:03}": None if number == 1 else f"U0OTHER{number // 2:03}" for number in range(count)}
    return OwnershipChange(
        id=9, integration="prod", request_id="REQ-7K3F9Q", grants=["REQ-7K3F9Q"], names=list(owners), before="@web",
        after=owners["logs-000"], owners=owners, counting=["@web"], noticed_at=NOW,
    )  # fmt: skip


def _conversation() -> dict[str, Shown]:
    terms: dict[str, Any] = {"patterns": ["logs-web"], "permission": "read", "duration": 1800, "at": NOW}
    offers = {state: CounterOffer(id=7, request_id="REQ-7K3F9Q", by=BOB, state=state, **terms) for state in OfferState}
    about = f"{(NOW + HOUR).isoformat()} 1"
    later = details(request(APPROVED), grant(expires_at=NOW + 2 * HOUR))
    lines = [
        "approval_given|U0BOB", "approved|U0BOB", f"delivered|{int(NOW.timestamp())}", "offered|7",
        f"extended|U0CAROL|{int(NOW.timestamp())}", "replaced|U0BOB", "ended",
    ]  # fmt: skip
    offered = replace(details(request()), offers=(offers[OfferState.OPEN],))
    less = Limits(hidden=("ssn",), query=since(NOW - HOUR)).stored()
    part = CounterOffer(id=7, request_id="REQ-7K3F9Q", by=BOB, limits=less, **terms)
    return {
        **{
            f"offer-{state}": offer_message(replace(details(request()), offers=(each,)), "7")
            for state, each in offers.items()
        },
        "offer-of-a-part": offer_message(replace(details(request()), offers=(part,)), "7"),
        "approval-with-an-offer": messages.message(MessageKind.APPROVAL, offered, BOB),
        "warning": expiry_warning(LIVE, about),
        "warning-of-what-was-extended": expiry_warning(later, about),
        "warning-of-what-has-ended": expiry_warning(ENDED, about),
        "asked-for-you": asked_for_you(details(request(asked_by=CAROL))),
        "asked-for-you-and-denied": asked_for_you(details(request(RequestState.DENIED, asked_by=CAROL))),
        "break-glass": to_review(details(request(APPROVED, **GLASS), grant()), again=False),
        "break-glass-reminder": to_review(details(request(APPROVED, **GLASS, asked_by=CAROL), OVER), again=True),
        "break-glass-reviewed": to_review(
            details(request(APPROVED, **GLASS, reviewed_by=BOB, reviewed_at=NOW + HOUR), OVER), again=True
        ),
        "break-glass-reviewed-early": to_review(
            details(request(APPROVED, **GLASS, reviewed_by=BOB, reviewed_at=NOW), grant()), again=False
        ),
        **{f"owner-changed-{each.state}": owner_changed(replace(LIVE, ownership_change=each)) for each in _changes()},
        "owner-changed-to-several": owner_changed(replace(LIVE, ownership_change=_several(6))),
        "owner-changed-to-too-many": owner_changed(replace(LIVE, ownership_change=_several(60))),
        "owner-removed-from-many": owner_changed(replace(ENDED, ownership_change=_removed())),
        "thread": note(replace(ENDED, offers=offered.offers), "\n".join(lines)),
        "view-offer": offer_form(OfferOptions(request(), ("read",), ("logs-app", "logs-web"))),
        "view-offer-of-a-part": offer_form(OfferOptions(request(), ("read",), ("logs-app",), limitable=True)),
    }


def _views() -> dict[str, Shown]:
    filled = form.FormValues(
        "prod", ("logs-*", "logs-web"), "write", "2h", "", CredentialKind.API_KEY, "fixing <INC-42>"
    )
    lacks: list[Line] = [("The access flow “careful” needs a reason.",)]
    return {
        "view-deny": modal_forms.deny_form("REQ-7K3F9Q"),
        "view-extend": modal_forms.extend_form("REQ-7K3F9Q"),
        "view-making": modal_forms.making(),
        "view-shown": modal_forms.shown(answers.revealed(LIVE, PROD, PASSWORD).blocks),
        "form-empty": form.request_form(POLICY, form.FormValues()),
        "form-of-several-clusters": form.request_form(WIDE, form.FormValues()),
        "form-filled-in": form.request_form(WIDE, filled, said=lacks),
        "form-previewed": form.request_form(WIDE, filled, CAREFUL, preview(WISH, PLAN)),
        "form-previewed-by-rule": form.request_form(WIDE, filled, KEYS, preview(WISH, RULED)),
        "form-of-another-duration": form.request_form(POLICY, form.FormValues(duration=form.CUSTOM, custom="45m")),
        "form-in-an-emergency": form.request_form(
            Policy(integrations=(PROD,), access_flows=(CAREFUL, EMERGENCY)),
            form.FormValues("prod", ("logs-*",), reason="the site is down", break_glass=True),
            EMERGENCY,
            preview(WISH, BROKEN),
        ),
        "form-waiting": form.waiting(),
    }


def _favourite(key: str = "0123456789abcdef") -> Favourite:
    return Favourite(
        person=ALICE, key=key, integration="prod", patterns=["logs-*"], permission="read", duration=7200,
        kind=CredentialKind.PASSWORD, reason="the weekly report", saved_at=NOW,
    )  # fmt: skip


def _homes() -> dict[str, Shown]:
    revealed = details(request(APPROVED, id="REQ-REVEAL", **REVEAL, **KEY), grant(id="REQ-REVEAL"))
    full = {
        Section.MINE: RequestPage([LIVE, revealed, MADE], "REQ-7K3F9Q"),
        Section.WAITING: RequestPage([details(request())]),
        Section.OWNED: RequestPage([LIVE, details(request(APPROVED, **GLASS), grant())], "REQ-7K3F9Q", "REQ-7K3F9Q"),
        Section.HISTORY: RequestPage(
            [details(request()), LIVE, ENDED, EXTENSION, details(request(RequestState.DENIED))], None, "REQ-7K3F9Q"
        ),
    }
    empty = {each: RequestPage() for each in Section}
    return {
        "home-empty": home.home(HomeTabContent(NOW, empty, 0, [])),
        "home-full": home.home(HomeTabContent(NOW, full, 12, [_favourite()])),
    }


def everything() -> Mapping[str, Shown]:
    """Every message, answer and view by snapshot name."""
    return {**_messages(), **_conversation(), **_answers(), **_views(), **_homes()}
