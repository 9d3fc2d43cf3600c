"""One of three clusters hangs, while grants end and approvals wait there: times at the others, as people see them."""

import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from statistics import median

from benchmarks.actions import WAIT_SECONDS, DeliveredAccount, approve, ask
from benchmarks.environment import BenchmarkEnvironment
from benchmarks.expiry import POLL_SECONDS, connected, is_let_in, seconds_late
from benchmarks.report import Figure, ms, percentile
from bot.sandbox.application import ApplicationProcess
from bot.sandbox.fault_proxy import FaultProxy
from bot.sandbox.hang import Hang
from bot.sandbox.stage import Stage

ENDING, APPROVED = 40, 50
"""Grants that end, and approvals that wait, at the cluster that hangs."""

GOAL_MS = 1000.0

GOAL_RATIO = 1.5

LIMITS = """
pending_per_person: 10000
requests_per_hour: 10000
access_flows:
  - {name: all, owners: integration}
"""


def measure(environment: BenchmarkEnvironment) -> list[Figure]:
    """Measures approvals, revocations and expiry at two clusters, before and while the third hangs."""
    runs = environment.runs(20, 2)
    with _three(environment) as (stage, hang):
        others = [f"logs-* 1h a benchmark --cluster {name}" for name in ("one", "two")]
        stuck = replace(stage, alice=stage.workspace.add_user("dave"), bob=stage.carol)
        for _ in range(environment.runs(ENDING, 4)):
            approve(stuck, ask(stuck, "logs-* 1h a benchmark --cluster three"))
        waiting = [ask(stuck, "logs-* 8h a benchmark --cluster three") for _ in range(environment.runs(APPROVED, 4))]
        undisturbed = _approved(stage, others, runs)[0]
        hang.on = True
        late = [seconds_late(stage, others[nth % 2]) for nth in range(environment.runs(6, 1))]
        for message in waiting:
            stage.workspace.click(stage.carol, message, "Approve")
        approved, acknowledged, revoked = _approved(stage, others, runs)
    return _figures(ms(undisturbed), ms(approved), ms(acknowledged), ms(revoked), ms(late))


def _figures(
    undisturbed: list[float], approved: list[float], acknowledged: list[float], revoked: list[float], late: list[float]
) -> list[Figure]:
    ratio = median(approved) / median(undisturbed)
    ended = [*revoked, *late]
    return [
        Figure(
            "one of three clusters hangs: Approve → credential at the others", "ms",
            {"median": median(approved), "max": max(approved), "ratio": ratio}, len(approved),
            f"<= {GOAL_RATIO} x undisturbed", ratio <= GOAL_RATIO, {"undisturbed": median(undisturbed)},
        ),
        Figure(
            "the same: revoke or expiry → credential refused", "ms",
            {"p50": percentile(ended, 50), "p99": percentile(ended, 99), "p99 of expiry": percentile(late, 99)},
            len(ended), f"p99 <= {GOAL_MS:.0f} ms", percentile(ended, 99) <= GOAL_MS,
        ),
        Figure(
            "the same: click → acknowledged", "ms",
            {"median": median(acknowledged), "max": max(acknowledged)}, len(acknowledged),
        ),
    ]  # fmt: skip


def _approved(stage: Stage, texts: list[str], runs: int) -> tuple[list[float], list[float], list[float]]:
    """Approves and revokes in turn: the seconds from click to credential, to acknowledgement, and to the refusal."""
    approved, acknowledged, revoked = [], [], []
    for nth in range(runs + 1):
        seconds, account = approve(stage, ask(stage, texts[nth % len(texts)]))
        began = time.perf_counter()
        stage.workspace.command(stage.alice, "/es-access", f"revoke {_request_of(account)}")
        acknowledged.append(time.perf_counter() - began)
        with connected(stage) as connection:
            while is_let_in(connection, account):
                if time.perf_counter() - began > WAIT_SECONDS:
                    raise RuntimeError(f"{account.username} never ends")
                time.sleep(POLL_SECONDS)
        revoked.append(time.perf_counter() - began)
        approved.append(seconds)
    return approved[1:], acknowledged[1:], revoked[1:]


def _request_of(account: DeliveredAccount) -> str:
    return "REQ-" + account.username.removeprefix("es-access-").upper()


@contextmanager
def _three(environment: BenchmarkEnvironment) -> Iterator[tuple[Stage, Hang]]:
    """A stage whose application reaches the node as three clusters, of which `three` can hang."""
    stage, hang = environment.stage, Hang()
    stage.app.stop()
    with ExitStack() as stack:
        stack.callback(stage.app.start)
        proxies = [stack.enter_context(FaultProxy(stage.node.url)) for _ in range(3)]
        stack.callback(hang.release)  # a proxy waits for its calls before it closes
        proxies[2].hook = hang
        entries = [_entry(stage, *each) for each in zip(("one", "two", "three"), proxies, strict=True)]
        folder = environment.folder / "three"
        folder.mkdir()
        app = ApplicationProcess(
            stage.workspace, stage.node, stage.node.connector(), Path(folder), owners=stage.bob.email,
            access_config=f"integrations:\n{''.join(entries)}{LIMITS}",
        )  # fmt: skip
        stack.callback(app.stop)
        app.start()
        yield replace(stage, app=app), hang


def _entry(stage: Stage, name: str, proxy: FaultProxy) -> str:
    owner = stage.carol if name == "three" else stage.bob
    return f"""
  - name: {name}
    url: {proxy.url}
    username: {stage.node.connector().username}
    password: env:CONNECTOR_PASSWORD
    owner: {owner.email}
"""
