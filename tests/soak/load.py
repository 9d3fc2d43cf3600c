"""A steady load: people request, decide, extend, reset and revoke, each in their own thread."""

import random
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from uuid import uuid4

from sqlalchemy.exc import SQLAlchemyError

from bot.sandbox.workspace import SlackMessage, User
from bot.sandbox.workspace.interaction import NotShownError
from bot.sandbox.workspace.model import PayloadDelivery
from tests.soak.world import HANGING, HEALTHY, World

DURATIONS = ("1m", "2m", "3m", "5m", "30m")

BUG = "Something went wrong on my side"
"""The message that a person sees after a bug."""

DELIVERED_AGAIN = 0.3
"""Share of commands and clicks that are delivered twice."""

PAUSE_SECONDS = (0.3, 1.2)
"""Shortest and longest pause between two actions of one person."""

MOST_OPEN = 60
"""Limit of undecided requests: two owners cannot decide more in time, and most would only expire."""

_MINE = "SELECT g.id FROM access_grant g JOIN access_request r ON r.id = g.id WHERE r.requester = :who AND g.state = :s"
_OPEN = "SELECT id FROM access_request WHERE state = 'pending'"


@dataclass
class Load:
    """The working people of a world. `bugs` contains the answers that report a bug."""

    world: World
    seed: int
    bugs: list[str] = field(default_factory=list)
    _stopping: threading.Event = field(default_factory=threading.Event)
    _threads: list[threading.Thread] = field(default_factory=list)

    def start(self) -> None:
        """Starts everybody's thread."""
        self._stopping.clear()
        stage = self.world.stage
        doing: list[tuple[User, Callable[[User, random.Random], None]]] = [
            *((person, self._request_something) for person in self.world.requesters),
            *((owner, self._decide_something) for owner in (stage.bob, stage.carol)),
        ]
        for person, act in doing:
            # The seed determines the choices; the machine determines the order of threads.
            chance = random.Random(f"{self.seed} {person.name}")  # noqa: S311 (a load, not a secret)
            self._threads.append(threading.Thread(target=self._go_on, args=(person, act, chance), name=person.name))
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Lets everybody finish their current action."""
        self._stopping.set()
        for thread in self._threads:
            thread.join()
        self._threads.clear()

    def _go_on(self, person: User, act: Callable[[User, random.Random], None], chance: random.Random) -> None:
        while not self._stopping.is_set():
            # A button that has just disappeared, or a database that is being created: people try again.
            with suppress(NotShownError, SQLAlchemyError):
                act(person, chance)
            self._stopping.wait(chance.uniform(*PAUSE_SECONDS))

    def _request_something(self, person: User, chance: random.Random) -> None:
        mine = [row[0] for row in self.world.rows(_MINE, who=person.id, s="active")]
        deed = chance.choices(("ask", "key", "extend", "reset", "revoke"), (5, 3, 1, 1, 1))[0]
        if (deed in {"ask", "key"} or not mine) and len(self.world.rows(_OPEN)) >= MOST_OPEN:
            return
        if deed in {"ask", "key"} or not mine:
            flag = " --key" if deed == "key" else ""
            cluster = chance.choice((HEALTHY, HEALTHY, HANGING))
            text = f"logs-* {chance.choice(DURATIONS)} soak {uuid4().hex} --cluster {cluster} --again{flag}"
        else:
            text = f"{deed} {chance.choice(mine)}" + (" 2m" if deed == "extend" else "")
        self._sent(self.world.stage.workspace.command(person, "/es-access", text), chance)
        self._look_for_bugs(person)

    def _sent(self, delivery: PayloadDelivery, chance: random.Random) -> None:
        """Slack may deliver a payload again, to any process, whether or not it was acknowledged."""
        deliveries = [delivery]
        if delivery.payload and chance.random() < DELIVERED_AGAIN:
            server = self.world.stage.workspace._server
            deliveries.append(server.run(server.deliveries.send(delivery.kind, delivery.payload)))
        for each in deliveries:
            if each.error is None:
                self.world.acknowledged.add(each.payload)
                self.world.taken.set()

    def _look_for_bugs(self, person: User) -> None:
        for answer in self.world.stage.workspace.ephemerals(person)[-1:]:
            text = self.world.stage.read(answer, person)
            if "Traceback" in text or BUG in text:
                self.bugs.append(f"{person.name} reads: {text}")

    def _decide_something(self, owner: User, chance: random.Random) -> None:
        waiting = {row[0] for row in self.world.rows(_OPEN)}
        for message in self._undecided(owner, waiting)[-8:]:
            if self._stopping.is_set():
                return
            workspace = self.world.stage.workspace
            if chance.random() < 0.85:
                self._sent(workspace.click(owner, message, "Approve"), chance)
            else:
                workspace.click(owner, message, "Deny")
                time.sleep(0.2)
                for view in workspace.views(owner)[-1:]:
                    workspace.submit(owner, view, {"reason": "not today"})

    def _undecided(self, owner: User, waiting: set[str]) -> list[SlackMessage]:
        held = self.world.stage.workspace.messages(owner)[-80:]
        return [each for each in held if any(name in each.text for name in waiting) and "Approve" in str(each.blocks)]
