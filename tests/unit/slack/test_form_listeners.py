"""The form when the cluster or Slack is slow, away or refuses: no input is lost."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from secrets import token_hex
from types import SimpleNamespace
from typing import Any

import pytest
from slack_sdk.errors import SlackApiError

from bot.access.audit.refusals import Refusals
from bot.access.errors import Outage, Refusal
from bot.access.lookup.suggestions import Suggestions
from bot.slack.ack_queue import AckQueue
from bot.slack.listeners import form as form_listeners
from bot.slack.listeners.form import FormListeners
from bot.slack.listeners.form_state import HASH_CONFLICT, FormVersions
from bot.slack.listeners.untold import UntoldOutcomes
from bot.slack.responder import Responder
from tests.fakes import EVERYTHING, REQUESTER, World
from tests.inboxes import open_inbox

PATIENCE = 10.0


class FakeSlack:
    """Records its calls, and refuses those in `refuses`."""

    retry_handlers: tuple[object, ...] = ()

    def __init__(self) -> None:
        self.calls: list[tuple[str, dict[str, Any]]] = []
        self.refuses: dict[str, str] = {}
        self._change = threading.Condition()

    def _call(self, name: str, **given: Any) -> dict[str, Any]:
        with self._change:
            self.calls.append((name, given))
            self._change.notify_all()
        if name in self.refuses:
            answer: Any = SimpleNamespace(status_code=200, data={"error": self.refuses[name]}, headers={})
            raise SlackApiError("refused", answer)  # type: ignore[no-untyped-call]  # it has no types
        return {"view": {"id": "V1", "hash": f"h{len(self.calls)}"}}

    def views_open(self, **given: Any) -> dict[str, Any]:
        return self._call("open", **given)

    def views_update(self, **given: Any) -> dict[str, Any]:
        return self._call("update", **given)

    def chat_postMessage(self, **given: Any) -> dict[str, Any]:  # noqa: N802 (Slack's name for it)
        return self._call("post", **given)

    def of(self, name: str, count: int = 1) -> list[dict[str, Any]]:
        """The arguments of the calls of that name, once there are `count` of them."""
        with self._change:
            assert self._change.wait_for(lambda: len(self._told(name)) >= count, PATIENCE), self.calls
        return self._told(name)

    def _told(self, name: str) -> list[dict[str, Any]]:
        return [given for called, given in self.calls if called == name]


@pytest.fixture
def slack() -> Any:
    return FakeSlack()


@pytest.fixture
def form(world: World) -> Iterator[FormListeners]:
    with open_inbox(world.store, world.clock) as inbox, ThreadPoolExecutor(4) as threads:
        responder = Responder(AckQueue(threads), world.directory, Refusals(world.store, world.clock), inbox)
        suggestions = Suggestions(world.clusters, world.directory, world.current, world.clock)
        yield FormListeners(
            world.requests, world.current, suggestions, responder, UntoldOutcomes(world.requests.untold)
        )


def body(*patterns: str, reason: str = "INC-42", duration: str = "1h", action_ts: str = "1") -> dict[str, Any]:
    values = {
        "patterns": {"patterns": {"selected_options": [{"value": each} for each in patterns]}},
        "duration-604800": {"duration": {"selected_option": {"value": duration}}},
        "permission": {"permission": {"selected_option": {"value": "read"}}},
        "reason": {"reason": {"value": reason}},
    }
    view = {"id": "V1", "hash": "h0", "callback_id": "request", "state": {"values": values}}
    return {"user": {"id": REQUESTER}, "trigger_id": "t", "view": view, "actions": [{"action_ts": action_ts}]}


class Acked:
    """Records acknowledgements."""

    def __init__(self) -> None:
        self.answers: list[dict[str, Any]] = []

    def __call__(self, **answer: Any) -> None:
        self.answers.append(answer)


def sent(form: FormListeners, slack: Any, given: dict[str, Any]) -> dict[str, Any]:
    """Submits the form and returns the acknowledgement."""
    ack: Any = Acked()
    # Each payload has a context of its own, and a trigger_id.
    copy_context().run(form.send, ack, given | {"trigger_id": token_hex(4)}, slack)
    (answer,) = ack.answers
    return dict(answer)


def hold(world: World, monkeypatch: pytest.MonkeyPatch) -> threading.Event:
    """Holds the cluster's answers until the event is set, which is too slow for an error at a field."""
    go, reads = threading.Event(), world.cluster.catalogue

    def slow() -> Any:
        assert go.wait(PATIENCE)
        return reads()

    monkeypatch.setattr(world.cluster, "catalogue", slow)
    monkeypatch.setattr(form_listeners, "SEND_SECONDS", 0.05)
    monkeypatch.setattr(form_listeners, "SEARCH_SECONDS", 0.05)
    return go


def test_what_is_right_closes_the_form_and_is_confirmed(form: FormListeners, slack: Any) -> None:
    assert sent(form, slack, body("logs-*")) == {}
    assert "is filed" in slack.of("post")[0]["text"]


def test_a_name_that_is_gone_is_an_error_at_its_field(world: World, form: FormListeners, slack: Any) -> None:
    world.cluster.names = ["metrics-a"]
    answer = sent(form, slack, body("logs-a"))
    assert answer["response_action"] == "errors"
    assert "matches nothing that exists" in answer["errors"]["patterns"]
    assert "not there any more" in sent(form, slack, body("#" + "0" * 64))["errors"]["patterns"]


def test_a_limit_that_shrank_and_a_reason_that_is_needed_now(world: World, form: FormListeners, slack: Any) -> None:
    world.under(EVERYTHING.model_copy(update={"reason": "required"}))
    assert "needs a reason" in sent(form, slack, body("logs-*", reason=""))["errors"]["reason"]
    world.under(EVERYTHING.model_copy(update={"max_duration": EVERYTHING.max_duration / 168}))
    answer = sent(form, slack, body("logs-*", duration="2h"))
    assert "the longest access is 1h" in answer["errors"]["duration-604800"]


def test_what_is_sent_during_an_outage_is_filed_and_waits(world: World, form: FormListeners, slack: Any) -> None:
    world.directory.asked.errors = [Outage("Slack is away")] * 9
    assert sent(form, slack, body("logs-*")) == {}
    assert "does not answer, so it waits" in slack.of("post")[0]["text"]


def test_a_bug_is_said_at_the_form_and_nothing_is_lost(
    form: FormListeners, slack: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(form_listeners, "problems", fails)
    answer = sent(form, slack, body("logs-*"))
    assert answer["response_action"] == "errors"
    assert "Something went wrong on my side" in answer["errors"]["patterns"]


def test_what_takes_too_long_is_told_in_the_window_and_in_a_message(
    world: World, form: FormListeners, slack: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    go = hold(world, monkeypatch)
    assert sent(form, slack, body("logs-*"))["response_action"] == "update"
    go.set()
    assert "is filed" in str(slack.of("update")[0]["view"].to_dict())
    assert "is filed" in slack.of("post")[0]["text"]


def test_what_goes_wrong_late_brings_the_form_back_filled_in(
    world: World, form: FormListeners, slack: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    go = hold(world, monkeypatch)
    assert sent(form, slack, body("zzz-*", reason="kept"))["response_action"] == "update"
    go.set()
    shown = str(slack.of("update")[0]["view"].to_dict())
    assert "matches nothing that exists" in shown
    assert "'initial_value': 'kept'" in shown
    assert "'value': 'zzz-*'" in shown


def test_what_goes_wrong_late_in_a_window_that_was_closed_is_told_with_what_to_type(
    world: World, form: FormListeners, slack: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    go, slack.refuses = hold(world, monkeypatch), {"update": "not_found"}
    sent(form, slack, body("zzz-*", reason="kept"))
    go.set()
    why, what = slack.of("post", 2)
    assert "matches nothing that exists" in why["text"]
    assert "/es-access zzz-* 1h read kept" in what["text"]


def test_a_search_never_waits_for_longer_than_slack_does(
    world: World, form: FormListeners, monkeypatch: pytest.MonkeyPatch
) -> None:
    go = hold(world, monkeypatch)
    ack: Any = Acked()
    form.search(ack, body() | {"value": "logs-*"})
    go.set()
    assert [each["value"] for each in ack.answers[0]["options"]] == ["logs-*"], "as it was typed"


def test_a_search_while_the_cluster_is_away_offers_what_was_typed(world: World, form: FormListeners) -> None:
    world.cluster.asked.errors = [Outage("away")] * 2
    ack: Any = Acked()
    form.search(ack, body() | {"value": "Logs-*"})
    form.search(ack, body() | {"value": "/x/"})
    assert [[each["value"] for each in answer["options"]] for answer in ack.answers] == [["logs-*"], []]


@pytest.mark.parametrize("error", ["hash_conflict", "not_found"])
def test_a_preview_that_slack_refuses_is_no_trouble(form: FormListeners, slack: Any, error: str) -> None:
    slack.refuses = {"update": error}
    ack: Any = Acked()
    form.update(ack, body("logs-*"), slack)
    assert slack.of("update")[0]["hash"] == "h0"
    assert sent(form, slack, body("logs-*")) == {}
    assert "is filed" in slack.of("post")[0]["text"], "and nothing else was told"


def test_a_choice_in_another_window_of_the_same_name_is_left_alone(form: FormListeners, slack: Any) -> None:
    other = body("logs-*")
    other["view"]["callback_id"] = "another"
    ack: Any = Acked()
    form.update(ack, other, slack)
    assert ack.answers == [{}]
    assert slack.calls == []


@pytest.mark.parametrize("error", ["expired_trigger_id", "trigger_expired", "exchanged_trigger_id"])
def test_a_shortcut_that_was_too_slow_is_answered_with_what_to_type(
    form: FormListeners, slack: Any, error: str
) -> None:
    slack.refuses = {"open": error}
    ack, respond = Acked(), None
    form.ask(ack, body(), slack, respond)  # type: ignore[arg-type]
    told = slack.of("post")[0]
    assert told["channel"] == REQUESTER
    assert "Type it instead" in told["text"]
    assert "/es-access logs-* 1h" in told["text"]


def test_a_form_opens_while_the_cluster_is_away(world: World, form: FormListeners, slack: Any) -> None:
    world.cluster.asked.errors = [Outage("away")]
    ack: Any = Acked()
    form.ask(ack, body(), slack, None)  # type: ignore[arg-type]
    assert slack.of("open")[0]["trigger_id"] == "t"


def test_a_change_of_a_view_that_is_newer_than_the_one_known_is_shown() -> None:
    versions, used = FormVersions(), []

    def update(view_hash: str) -> str:
        used.append(view_hash)
        if view_hash != "h2":
            raise Refusal("Slack answered hash_conflict", HASH_CONFLICT)
        return "h3"

    versions.record_change("V1", "1", "h1")
    versions.record_change("V1", "2", "h2")
    versions.update_newest("V1", "2", "h2", update)
    assert used == ["h1", "h2"]
    with pytest.raises(Refusal):
        versions.update_newest("V1", "3", "h1", update)
