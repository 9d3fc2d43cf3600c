"""`bot check` says what each flow that denies leaves open."""

from io import StringIO
from typing import Any

import pytest

from bot.access.policy.access_flow import AccessFlow
from bot.access.policy.model import PERMISSIONS, Integration, Permission, Policy
from bot.checks.denials import check_denial
from bot.checks.report import Report

CUSTOM = (
    Permission(name="append", indices=("create_doc",)),
    Permission(name="watch", indices=("monitor",)),
    Permission(name="snapshots", indices=("read",), cluster=("create_snapshot",)),
)


def flow(name: str, *permissions: str, **more: Any) -> AccessFlow:
    return AccessFlow(name=name, permissions=permissions, **{"dangerous": "snapshots" in permissions, **more})


def deny(*permissions: str, **more: Any) -> AccessFlow:
    return AccessFlow(name="no", permissions=permissions, **{"patterns": ("pay-*",), **more}, deny=True)


def lines(*flows: AccessFlow) -> list[str]:
    policy = Policy(
        integrations=tuple(Integration(name=name, owner=("@o",), public_url="https://e") for name in ("one", "two")),
        permissions=(*PERMISSIONS, *CUSTOM),
        access_flows=flows,
    )
    output = StringIO()
    report = Report(output)
    check_denial(report, policy, flows[0])
    return output.getvalue().splitlines()


EVERYTHING = flow("all", "read", "write", "append", "watch")


@pytest.mark.parametrize(
    ("flows", "rest"),
    [
        ((deny("write"), EVERYTHING), "read stays open, by “all”; watch stays open, by “all”"),
        ((deny("read"), EVERYTHING), "append stays open, by “all”; watch stays open, by “all”"),
        ((deny("read"), flow("reading")), "nothing stays open"),
        ((deny("write"), flow("a"), flow("b")), "read stays open, by “a”, “b”"),
        ((deny("write"), flow("logs", patterns=("logs-*",))), "nothing stays open"),
        ((deny("write", integrations=("one",)), flow("other", integrations=("two",))), "nothing stays open"),
        ((deny("write"), flow("bots", automatic=True, requesters=("@bots",))), "read stays open, by “bots”"),
        ((deny("write"), flow("emergency", break_glass=True)), "read stays open, by “emergency”"),
        ((deny("write"), deny("read", patterns=("*",)).model_copy(update={"name": "more"}), EVERYTHING),
         "watch stays open, by “all”"),
        ((deny("write"), deny("read", requesters=("@a",)).model_copy(update={"name": "some"}), flow("all")),
         "read stays open, by “all”"),
    ],
)  # fmt: skip
def test_what_a_deny_of_some_permissions_leaves_open(flows: tuple[AccessFlow, ...], rest: str) -> None:
    assert lines(*flows) == [f"ok    flow “no”: on pay-*, {rest}"]


def test_a_deny_of_everything_leaves_nothing_to_list() -> None:
    assert lines(deny(), EVERYTHING) == []


def test_a_permission_that_reaches_past_the_patterns_is_a_warning() -> None:
    found = lines(deny(), flow("backups", "snapshots", patterns=("logs-*",)))
    assert found[0] == "warn  flow “no”: snapshots, by “backups”, could still reach pay-*"
    assert "not limited to the patterns of a request" in found[1]
    assert lines(deny(), flow("backups", "snapshots")) == [], "it touches the patterns, and is denied"
