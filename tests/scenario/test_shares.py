"""One of three clusters hangs: the others are served as ever, and its own work is done soon after it answers again."""

import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import pytest

from bot.sandbox.fault_proxy import FaultProxy
from bot.sandbox.hang import Hang
from bot.sandbox.node import Node
from bot.sandbox.workspace import User
from tests.stage import Secret, Stage, integrations, set_stage

HOUR_AND_A_BIT = 3601

ENDING, APPROVED = 40, 50
"""Grants that end, and approvals that wait, at the cluster that hangs."""

SOON_SECONDS = 10.0
"""Much, for a busy machine. Without shares, these took 20 s and more."""

ACKNOWLEDGED_SECONDS = 3.0
"""Slack waits no longer."""

ROUNDS = 4

MANY = 24
"""People who use a method of Slack that hangs. Sixteen held up every answer before."""

FLOWS = """
pending_per_person: 1000
requests_per_hour: 1000
access_flows:
  - {name: all, owners: integration}
"""


@dataclass
class Three:
    """A stage with the clusters `one`, `two` and `three`. The last can hang: `dave` asks for it, `carol` owns it."""

    stage: Stage
    hang: Hang

    def people(self, cluster: str) -> tuple[User, User]:
        """The requester and the owner."""
        return (self.stage.dave, self.stage.carol) if cluster == "three" else (self.stage.alice, self.stage.bob)

    def ask(self, cluster: str) -> str:
        return self.stage.ask(f"logs-web 1h --cluster {cluster}", self.people(cluster)[0])

    def granted(self, cluster: str) -> tuple[str, Secret]:
        request, (requester, owner) = self.ask(cluster), self.people(cluster)
        self.stage.approve(request, owner)
        return request, self.stage.secret(request, requester)

    def approved_to_secret(self, cluster: str) -> tuple[float, float, str, Secret]:
        """The seconds until a click on Approve is acknowledged, and until the password is there."""
        request = self.ask(cluster)
        message = self.stage.approval(self.stage.bob, request)
        began = time.monotonic()
        self.stage.workspace.click(self.stage.bob, message, "Approve")
        acknowledged = time.monotonic() - began
        secret = self.stage.secret(request)
        return acknowledged, time.monotonic() - began, request, secret

    def revoked_to_refused(self, request: str, secret: Secret) -> float:
        began = time.monotonic()
        self.stage.workspace.command(self.stage.alice, "/es-access", f"revoke {request}")
        self.stage.refused(secret)
        return time.monotonic() - began


@pytest.fixture
def three(node: Node, tmp_path: Path) -> Iterator[Three]:
    with ExitStack() as stack:
        hang = Hang()
        proxies = [stack.enter_context(FaultProxy(node.url)) for _ in range(3)]
        stack.callback(hang.release)  # a proxy waits for its calls before it closes
        proxies[2].hook = hang

        stage = set_stage(node, tmp_path, stack, policy=lambda _: "")
        entries = (
            integrations(node, stage.carol if name == "three" else stage.bob, name)
            .replace(node.url, proxy.url)
            .removeprefix("\nintegrations:\n")
            for name, proxy in zip(("one", "two", "three"), proxies, strict=True)
        )
        stage.app.access_config.write_text(f"integrations:\n{''.join(entries)}{FLOWS}", encoding="utf-8")
        stage.app.start()
        yield Three(stage, hang)


def _print(what: str, seconds: list[float]) -> None:
    print(f"{what}: median {median(seconds):.2f} s, longest {max(seconds):.2f} s")


def test_while_one_of_three_clusters_hangs_the_others_are_served_as_ever(three: Three) -> None:
    stage = three.stage
    undisturbed = [three.approved_to_secret("one")[1] for _ in range(ROUNDS)]
    stuck = [three.granted("three") for _ in range(ENDING)]
    expiring = [three.granted(cluster) for cluster in ("one", "two") for _ in range(2)]
    waiting = [three.ask("three") for _ in range(APPROVED)]
    messages = [stage.approval(stage.carol, request) for request in waiting]

    three.hang.on = True
    began = time.monotonic()
    stage.app.move_clock(HOUR_AND_A_BIT)
    expired = []
    for _, secret in expiring:
        stage.refused(secret)
        expired.append(time.monotonic() - began)
    _print("expired → refused", expired)
    for message in messages:
        stage.workspace.click(stage.carol, message, "Approve")
    acknowledged, approved, revoked = [], [], []
    for nth in range(2 * ROUNDS):
        first, last, request, secret = three.approved_to_secret(("one", "two")[nth % 2])
        acknowledged.append(first)
        approved.append(last)
        revoked.append(three.revoked_to_refused(request, secret))
    _print("click → acknowledged", acknowledged)
    _print("approve → password, undisturbed", undisturbed)
    _print("approve → password", approved)
    _print("revoke → refused", revoked)
    assert max(expired) < SOON_SECONDS
    assert max(acknowledged) < ACKNOWLEDGED_SECONDS
    assert max(approved) < SOON_SECONDS
    assert max(revoked) < SOON_SECONDS

    assert all(stage.search(secret, "logs-web") == 200 for _, secret in stuck), "it does hang"
    three.hang.on = False
    began = time.monotonic()
    for _, secret in stuck:
        stage.refused(secret)
    print(f"answers again → all {ENDING} ended: {time.monotonic() - began:.2f} s")
    for request in waiting:
        stage.secret(request, stage.dave)
    print(f"answers again → all {APPROVED} delivered: {time.monotonic() - began:.2f} s")


# --- Slack --------------------------------------------------------------------------------------------------------


TYPED = {"views.open": "", "usergroups.list": "explain logs-web 1h", "response_url": "list"}
"""A command that has that method called. A request, otherwise."""


@pytest.mark.parametrize("method", ["users.info", "usergroups.list", "views.open", "chat.postMessage", "response_url"])
def test_while_a_method_of_slack_hangs_access_ends_and_others_are_answered(quiet_stage: Stage, method: str) -> None:
    stage = quiet_stage
    granted = [stage.granted() for _ in range(2)]
    strangers = [stage.workspace.add_user(f"stranger{number}") for number in range(MANY)]
    stage.workspace.faults.add(method, "hang", times=None)
    for person in strangers:  # each is asked about, shown a window or sent a message
        stage.workspace.command(person, "/es-access", TYPED.get(method, "logs-web 1h"))
    ended, acknowledged, answered = [], [], []
    for request, secret in granted:
        began = time.monotonic()
        stage.workspace.command(stage.alice, "/es-access", f"revoke {request}")
        acknowledged.append(time.monotonic() - began)
        stage.refused(secret)
        ended.append(time.monotonic() - began)
        if method != "response_url":
            began = time.monotonic()
            stage.say(stage.alice, "list")
            answered.append(time.monotonic() - began)
    _print("revoke → refused", ended)
    _print("command → acknowledged", acknowledged)
    _print("command → answered", answered or [0.0])
    assert max(acknowledged) < ACKNOWLEDGED_SECONDS
    assert max(ended) < SOON_SECONDS
    assert max(answered, default=0.0) < SOON_SECONDS
