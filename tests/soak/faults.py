"""The faults of a soak: failing calls to Slack and the cluster, and killed processes."""

import os
import random
import signal
import threading
import time
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Literal

from bot.sandbox.fault_proxy import CutConnection, HalfAnswer, Phase, ProxyAnswer, ProxyRequest, Verdict, failure
from tests.scenario.dying import forget, order
from tests.soak.world import Member, World

FAULTY = 0.04
"""Share of failing calls, for each outside system: most grants meet a failure, and work still gets done."""

LATE_SECONDS = 3.0
"""Longest wait for the call or commit at which to kill a process; after it, the process is killed wherever it is."""

WITHIN_SECONDS = 0.05
"""Longest time from an acknowledgement to the kill that follows it."""

HANG_SECONDS = 8.0
"""How long one of the two clusters hangs before it answers for as long."""

REVOKED = 0.1
REVOKED_SECONDS = (2.0, 6.0)
"""Before this share of kills, the bot token is revoked, and given back after so long."""

TOKEN_METHODS = (
    "auth.test", "chat.postMessage", "chat.update", "conversations.open", "usergroups.list", "users.info",
    "users.lookupByEmail", "users.list", "views.open", "views.publish", "views.update",
)  # fmt: skip
"""The methods that the application calls with its bot token."""

JUMP_SECONDS = (5.0, 20.0)
"""Shortest and longest move of the clock after each kill: short accesses expire meanwhile."""

GARBAGE = ProxyAnswer(200, b"<html>it works!</html>", (("Content-Type", "text/html"),))


@dataclass
class FaultInjector:
    """Injects the faults, chosen by one seed. The counts are of faults that really happened."""

    world: World
    chance: random.Random
    kills: int = 0
    faults: int = 0
    revoked: int = 0
    _faulty: bool = False
    _calm: threading.Event = field(default_factory=threading.Event)
    _dies: dict[int, tuple[str, int]] = field(default_factory=dict)
    _guard: threading.Lock = field(default_factory=threading.Lock)

    def begin(self) -> None:
        """Starts to make calls fail now and then."""
        self._faulty = True
        self._calm.clear()
        for number, member in enumerate(self.world.members):
            member.proxy.hook = partial(self._cluster, number)
            member.other.hook = partial(self._hanging_cluster, number)
        self._off = self.world.stage.workspace.on_call(self._slack)

    def end(self) -> None:
        """Stops all failures."""
        self._faulty = False
        for member in self.world.members:
            member.proxy.hook = member.other.hook = None
        self._calm.set()
        with suppress(ValueError):  # it is removed already
            self._off()

    # --- faults ---

    def _strikes(self) -> bool:
        with self._guard:
            struck = self._faulty and self.chance.random() < FAULTY
            self.faults += struck
            return struck

    def _cluster(self, number: int, _request: ProxyRequest, phase: Phase) -> Verdict:
        if self._dies_at(number, phase):
            return CutConnection()
        if not self._strikes():
            return None
        if self.chance.random() < 0.2:
            time.sleep(self.chance.uniform(0.2, 1.5))  # it takes effect even if its process is dead by then
            return None
        cut: list[Verdict] = [CutConnection(), HalfAnswer()]
        answers: list[Verdict] = [failure(429, 1), failure(500), failure(503), GARBAGE]
        return self.chance.choice(cut if phase == "after" else cut + answers)

    def _hanging_cluster(self, number: int, request: ProxyRequest, phase: Phase) -> Verdict:
        """Half of the time nothing is answered. A call that hangs is cut when the storm is over, and has no effect."""
        if phase == "before" and time.monotonic() % (2 * HANG_SECONDS) < HANG_SECONDS:
            self._calm.wait()
            return CutConnection()
        return self._cluster(number, request, phase)

    def _revoke_token(self) -> None:
        """For some seconds Slack answers as after the app was uninstalled; then the token is given back. The next kill,
        and the start after it, may come meanwhile.
        """
        faults = self.world.stage.workspace.faults
        for method in TOKEN_METHODS:
            faults.add(method, "token_revoked", times=None)
        self.revoked += 1
        threading.Timer(self.chance.uniform(*REVOKED_SECONDS), faults.clear).start()

    def _slack(self, method: str, _payload: dict[str, Any], phase: Phase) -> Literal["drop"] | None:
        if any(self._dies_at(number, phase) for number in range(len(self.world.members))):
            return "drop"
        if not self._strikes():
            return None
        kind = self.chance.random()
        if kind < 0.3:
            return "drop"
        if kind < 0.5:
            time.sleep(self.chance.uniform(0.2, 1.5))
        else:  # the next call of that method fails
            self.world.stage.workspace.faults.add(method, self.chance.choice([429, 500, 503]))
        return None

    # --- kills ---

    def kill_one(self) -> None:
        """Kills a process at a random moment, call or commit, restarts it and moves the clock."""
        number = self.chance.randrange(len(self.world.members))
        member = self.world.members[number]
        time.sleep(self.chance.uniform(0.1, 1.5))
        if self.chance.random() < REVOKED:
            self._revoke_token()
        how = self.chance.choice(["moment", "call", "commit", "acknowledgement"])
        if how == "call":
            with self._guard:
                self._dies[number] = (self.chance.choice(["before", "after"]), self.chance.randint(1, 6))
        elif how == "commit":
            order(member.app.directory, self.chance.randint(1, 6), self.chance.choice(["before", "after"]))
        if how == "acknowledgement":
            self.world.taken.clear()
            self.world.taken.wait(LATE_SECONDS)
            time.sleep(self.chance.uniform(0, WITHIN_SECONDS))
        elif how != "moment":
            self._wait_dead(member)
        with self._guard:
            self._dies.pop(number, None)
        alive_or_killed = self.world.is_up(member) or member.app.returncode == -signal.SIGKILL
        died_at = time.time()
        member.app.kill()
        forget(member.app.directory)
        self.kills += alive_or_killed
        self.world.move_clock(self.chance.uniform(*JUMP_SECONDS))
        self.world.start(member)
        self.world.dead.append((died_at, time.time()))

    def _wait_dead(self, member: Member) -> None:
        deadline = time.monotonic() + LATE_SECONDS
        while time.monotonic() < deadline and member.app.returncode is None:
            time.sleep(0.01)

    def _dies_at(self, number: int, phase: Phase) -> bool:
        with self._guard:
            when, left = self._dies.get(number, (phase, 0))
            if when != phase or left == 0:
                return False
            self._dies[number] = (when, left - 1)
            if left > 1:
                return False
        with suppress(RuntimeError, ProcessLookupError):  # it is dead already
            os.kill(self.world.members[number].app.pid, signal.SIGKILL)
        return True
