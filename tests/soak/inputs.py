"""Bad inputs by the ten thousand: every typed, sent or configured input leads to a result or to a sentence."""

import itertools
import logging
import os
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future
from contextlib import contextmanager, suppress
from datetime import UTC
from pathlib import Path
from typing import Any
from unittest.mock import patch

from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from slack_bolt import Ack, Respond
from slack_sdk import WebClient

from bot.access.audit.refusals import Refusals
from bot.access.errors import AccessError
from bot.access.lookup.history import History
from bot.access.notifications.inbox import Inbox
from bot.access.policy.patterns import parse_patterns
from bot.access.store.inbox import working_on
from bot.access.store.store import Store
from bot.config.access_yaml.problems import PolicyFileError
from bot.config.access_yaml.reader import parse as parse_policy
from bot.config.settings import SettingsError, load_settings
from bot.slack import ids
from bot.slack.ack_queue import AckQueue
from bot.slack.listeners.command_parser import one_word, parse
from bot.slack.listeners.requests import RequestListeners
from bot.slack.listeners.untold import UntoldOutcomes
from bot.slack.responder import Responder
from bot.storage.migrate import migrate
from tests.databases import sqlite_engine
from tests.fakes import REQUESTER, World, world_on
from tests.inboxes import open_inbox
from tests.soak.load import BUG
from tests.unit.access.policy.test_patterns import any_text
from tests.unit.config.access_yaml.test_reader import VARIABLES, anything, one_value, quoted, yaml_like
from tests.unit.config.test_settings import COMPLETE, values

WORDS = [
    "logs-*", "1h", "30m", "99999d", "0h", "read", "extend", "revoke", "status", "cancel", "reset", "list", "help",
    "explain", "resources", "REQ-7K3F9Q", "REQ-000000", "--key", "--for", "--cluster", "--again", "<@U012ABCDEF>",
    "a@b.example", ",", "*", "-x", "<!channel>", "&lt;b&gt;", "`", "'; DROP TABLE access_request; --", "\u0000", "é",
]  # fmt: skip

typed = st.one_of(
    st.text(max_size=200), st.lists(st.one_of(st.sampled_from(WORDS), st.text(max_size=12)), max_size=8).map(" ".join)
)
"""Texts that a person may type after the command."""

value = st.one_of(st.none(), st.sampled_from(WORDS), st.text(max_size=60))


def _commands(run: "InputRun") -> None:
    @run.with_inputs(typed)
    def check(text: str) -> None:
        with suppress(AccessError):
            parse(text, ["read", "write"])

    check()


def _patterns(run: "InputRun") -> None:
    @run.with_inputs(any_text)
    def check(text: str) -> None:
        with suppress(AccessError):
            parse_patterns(text)

    check()


def _policy_files(run: "InputRun") -> None:
    @run.with_inputs(st.one_of(anything, st.binary(max_size=30), yaml_like, one_value, quoted))
    def check(content: bytes) -> None:
        with suppress(PolicyFileError):
            parse_policy(content, VARIABLES)

    check()


def _dot_env(run: "InputRun") -> None:
    plausible = st.builds(
        lambda name, given: f"{name}={given}\n".encode(errors="replace"), st.sampled_from(sorted(COMPLETE)), values()
    )
    content = st.one_of(st.binary(max_size=200), st.lists(plausible, max_size=6).map(b"".join))

    @run.with_inputs(content)
    def check(content: bytes) -> None:
        Path(".env").write_bytes(content)
        with suppress(SettingsError):
            load_settings()

    before = Path.cwd()
    with tempfile.TemporaryDirectory() as folder, patch.dict(os.environ, clear=True):
        os.chdir(folder)
        try:
            check()
        finally:
            os.chdir(before)


class ImmediateExecutor(Executor):
    """An executor that runs everything in the calling thread, so that the answer exists when the listener returns."""

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> "Future[Any]":
        future: Future[Any] = Future()
        future.set_result(fn(*args, **kwargs))
        return future


class RecordingSlack:
    """A stand-in for Slack that records every answer to a person, wherever it appears."""

    def __init__(self) -> None:
        self.acknowledged = 0
        self.answers: list[str] = []
        self.retry_handlers: list[object] = []

    def ack(self, *_args: Any, **given: Any) -> None:
        self.acknowledged += 1
        self.answers += [str(given["errors"])] if given.get("errors") else []

    def respond(self, **given: Any) -> None:
        self.answers.append(str(given))

    def __getattr__(self, _method: str) -> Callable[..., dict[str, Any]]:
        def call(**given: Any) -> dict[str, Any]:
            self.answers.append(str(given))
            return {"view": {"id": "V1", "hash": "h"}, "ok": True}

        return call


def _payloads(run: "InputRun") -> None:
    acts = ("command", "approve", "open_deny", "deny", "revoke", "open_extend", "extend", "reset", "reveal")

    @run.with_inputs(st.sampled_from(acts), typed, value, st.text(max_size=12))
    def check(act: str, text: str, chosen: str | None, person: str) -> None:
        heard: Any = RecordingSlack()
        body = _body(text, chosen, person)
        given: dict[str, Any] = {"ack": _as(Ack, heard.ack), "body": body, "client": _as(WebClient, heard)}
        if act not in {"deny", "extend"}:
            given["respond"] = _as(Respond, heard.respond)
        with working_on(None):  # each payload has a context of its own
            getattr(listeners, act)(**given)
        assert heard.acknowledged == 1, "a payload was not acknowledged"
        assert heard.answers, "somebody waits for an answer"
        assert BUG not in str(heard.answers)
        assert "Traceback" not in str(heard.answers)

    with _listening() as listeners:
        check()


def _as(_kind: type, given: Any) -> Any:
    """Passes a stand-in for one of Bolt's types to the type checker."""
    return given


_PAYLOADS = itertools.count()
"""Numbers the payloads: two with the same trigger are one payload that came twice."""


def _body(text: str, chosen: str | None, person: str) -> dict[str, Any]:
    field = {"value": chosen, "selected_option": {"value": chosen}}
    view = {
        "id": "V1", "hash": "h", "private_metadata": text,
        "state": {"values": {name: {name: field} for name in (ids.REASON, ids.DURATION)}},
    }  # fmt: skip
    who = person or REQUESTER
    return {
        "user_id": who, "user": {"id": who}, "text": text, "trigger_id": f"1.{next(_PAYLOADS)}", "response_url": "http://127.0.0.1/",
        "actions": [{"value": chosen}], "view": view, "channel": {"id": "D1"},
    }  # fmt: skip


@contextmanager
def _listening() -> Iterator[RequestListeners]:
    with tempfile.TemporaryDirectory() as folder:
        engine = sqlite_engine(Path(folder))
        migrate(engine)
        store = Store(engine, "first")
        with world_on(store) as world, open_inbox(store, world.clock) as inbox:
            yield _listeners(world, store, inbox)
        engine.dispose()


def _listeners(world: World, store: Store, inbox: Inbox) -> RequestListeners:
    responder = Responder(AckQueue(ImmediateExecutor()), world.directory, Refusals(store, world.clock), inbox)

    def opens_form(client: Any, body: Any, draft: Any = None, lacks: str = "") -> None:
        client.views_open(view={}, trigger_id=body["trigger_id"], lacks=lacks, draft=draft)

    history = History(store, world.approvals, world.clusters, world.current)
    return RequestListeners(
        world.requests, world.approvals, world.grants, history, world.current, world.clock,
        lambda: None, one_word, lambda _person: UTC, responder, UntoldOutcomes(world.requests.untold), opens_form,
    )  # fmt: skip


class InputRun:
    """A run of a number of inputs, chosen by one seed; counts the inputs that were really used."""

    def __init__(self, number: int, chosen: int) -> None:
        self._number = number
        self._seed = chosen
        self.given = 0

    def with_inputs(self, *strategies: st.SearchStrategy[Any]) -> Callable[[Callable[..., None]], Callable[[], None]]:
        """Calls the check with generated values; raises its first failure with the smallest input that causes it."""

        def wrap(check: Callable[..., None]) -> Callable[[], None]:
            def counted(inputs: tuple[Any, ...]) -> None:
                self.given += 1
                check(*inputs)

            configured = settings(
                max_examples=self._number, deadline=None, database=None, phases=[Phase.generate, Phase.shrink],
                suppress_health_check=list(HealthCheck),
            )  # fmt: skip
            test: Callable[[], None] = seed(self._seed)(configured(given(st.tuples(*strategies))(counted)))
            return test

        return wrap


SHARES: dict[Callable[[InputRun], None], float] = {
    _commands: 0.25, _patterns: 0.6, _policy_files: 0.08, _dot_env: 0.04, _payloads: 0.03,
}  # fmt: skip
"""The share of inputs for each check: a payload costs the most, since it passes through the whole domain."""


def bad_inputs(number: int, chosen: int) -> int:
    """Runs at least `number` inputs and returns how many there were. Raises the first failure."""
    logging.getLogger("dotenv").setLevel(logging.ERROR)  # it warns about every invalid line
    total = 0
    for subject, share in SHARES.items():
        run = InputRun(int(number * share) + 1, chosen)
        subject(run)
        total += run.given
    return total
