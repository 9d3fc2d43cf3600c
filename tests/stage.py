"""A stage for scenario tests: real people in a workspace, a real node, and the real application between them."""

import re
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from secrets import token_hex
from typing import NamedTuple, TypeVar

import pytest
from sqlalchemy import text as sql

from bot.access.ids import attempt_username
from bot.sandbox.application import ApplicationProcess
from bot.sandbox.node import Node
from bot.sandbox.workspace import SlackMessage, User, Workspace
from bot.storage.engine import database_url, open_engine

Found = TypeVar("Found")

MANIFEST = Path(__file__).parents[1] / "manifest.yml"

PLENTY = {"PENDING_PER_PERSON": "1000", "REQUESTS_PER_HOUR": "1000"}
"""Limits that no test reaches by filing many requests for one person."""

WAIT_SECONDS = 15.0
"""The longest wait for anything that takes well under a second on an idle machine."""


class Secret(NamedTuple):
    """A requester's credential."""

    username: str
    password: str


@dataclass
class Stage:
    """`alice` asks; `bob` and `carol` own the integration; `dave` is not involved."""

    workspace: Workspace
    node: Node
    app: ApplicationProcess
    alice: User
    bob: User
    carol: User
    dave: User

    def say(self, person: User, text: str) -> str:
        """Types a command and returns the private answer as rendered text."""

        def type_it() -> None:
            delivery = self.workspace.command(person, "/es-access", text)
            assert delivery.error is None, delivery.error

        return self.answer_to(person, type_it)

    def answer_to(self, person: User, act: Callable[[], object]) -> str:
        """Performs an action as that person and returns the private answer as rendered text."""
        before = len(self.workspace.ephemerals(person))
        act()
        self.wait(lambda: len(self.workspace.ephemerals(person)) > before, f"an answer to {person.name}")
        return self.read(self.workspace.ephemerals(person)[-1], person)

    def ask(self, text: str, person: User | None = None) -> str:
        """Files a request, which must be accepted, and returns its id."""
        # A test may file the same request several times; duplicates have their own tests.
        typed = text if text.startswith("extend ") else f"{text} --again"
        answer = self.say(person or self.alice, typed)
        assert "is filed" in answer, answer
        return request_id(answer)

    def approval(self, owner: User, request: str) -> SlackMessage:
        """The owner's copy of the message about that request."""
        return self.wait(
            lambda: next(
                (each for each in self.workspace.messages(owner) if self._decides(each, owner, request)), None
            ),
            f"the approval message about {request}",
        )

    def _decides(self, message: SlackMessage, owner: User, request: str) -> bool:
        return f"REQUEST {request}" in self.read(message, owner)

    def approve(self, request: str, owner: User | None = None) -> None:
        """Clicks Approve."""
        who = owner or self.bob
        self.workspace.click(who, self.approval(who, request), "Approve")

    def secret(self, request: str, person: User | None = None) -> Secret:
        """Waits for the credential in the requester's direct message."""
        who = person or self.alice

        def find() -> Secret | None:
            for text in self.texts(who):
                if f"ACCESS {request}" in text and "Password: " in text:
                    return self.secret_in(text)
            return None

        return self.wait(find, f"the credential of {request}")

    def granted(self, text: str = "logs-* 1h") -> tuple[str, Secret]:
        """Files, approves and delivers a request."""
        request = self.ask(text)
        self.approve(request)
        secret = self.secret(request)
        self.is_active(request)
        return request, secret

    def is_active(self, request: str) -> None:
        """Waits until the grant is active: the credential is shown an instant earlier."""
        file = self.app.directory / "es-access.db"
        query = sql("SELECT id FROM audit_event WHERE event = 'grant.active' AND request_id = :id")
        engine = open_engine(database_url(self.app.environment.get("DATABASE_URL") or f"sqlite:///{file}"))

        def look() -> bool:
            with engine.connect() as connection:
                return bool(connection.execute(query, {"id": request}).all())

        try:
            self.wait(lambda: look() or None, f"{request} active")
        finally:
            engine.dispose()

    def secret_in(self, text: str) -> Secret:
        """The credential in a message."""
        return Secret(_after("Username", text), _after("Password", text))

    def audit(self, event: str) -> list[str]:
        """The stored details of the audit events of that kind."""
        with closing(sqlite3.connect(self.app.directory / "es-access.db")) as database:
            return [row[0] for row in database.execute("SELECT detail FROM audit_event WHERE event = ?", (event,))]

    def audited(self, event: str, request: str) -> str:
        """The detail of that audit event of one request."""
        query = "SELECT detail FROM audit_event WHERE event = ? AND request_id = ?"
        with closing(sqlite3.connect(self.app.directory / "es-access.db")) as database:
            return str(database.execute(query, (event, request)).fetchone()[0])

    def search(self, secret: Secret, index: str) -> int:
        """The HTTP status of a search with that credential."""
        client = self.node.client_of(secret.username, secret.password)
        try:
            return int(client.options(ignore_status=[401, 403, 404]).search(index=index, size=1).meta.status)
        finally:
            client.close()

    def refused(self, secret: Secret) -> None:
        """Waits until the cluster rejects the credential."""
        self.wait(lambda: self.search(secret, "logs-web") == 401, f"the end of {secret.username}")

    def made(self) -> set[str]:
        """The names of this application's users and roles in the cluster. Reads them by id, which needs no refresh."""
        security = self.node.client().options(ignore_status=404).security
        return {
            name
            for name in self.usernames()
            if security.get_user(username=name).body or security.get_role(name=name).body
        }

    def usernames(self) -> list[str]:
        """The usernames of all grants, live or ended, in every attempt."""
        file = self.app.directory / "es-access.db"
        if not file.exists():
            return []  # it never started
        with closing(sqlite3.connect(file)) as database:
            rows = database.execute("SELECT username, attempt FROM access_grant").fetchall()
        return [attempt_username(name, number) for name, attempt in rows for number in range(1, attempt + 1)]

    def nothing_is_left(self) -> None:
        """Waits until the application has no user and no role in the cluster."""
        self.wait(lambda: not self.made(), "an empty cluster")

    def texts(self, person: User) -> list[str]:
        """The texts in a person's direct message with the app."""
        return [self.read(each, person) for each in self.workspace.messages(person)]

    def reads(self, person: User, *words: str) -> str:
        """Waits for a message to that person that contains all these words, and returns it."""
        return self.wait(
            lambda: next((text for text in self.texts(person) if all(word in text for word in words)), None),
            f"{person.name} reading {words}",
        )

    def hears(self, person: User, words: str) -> None:
        """Waits for a private answer to that person that contains these words."""
        self.wait(
            lambda: any(words in self.read(each, person) for each in self.workspace.ephemerals(person)),
            f"{person.name} hearing “{words}”",
        )

    def read(self, message: SlackMessage, person: User) -> str:
        """A message as that person sees it."""
        return self.workspace.render(message, person)

    def wait(self, look: Callable[[], Found | None], what: str) -> Found:
        """Waits until `look` finds something, and returns it."""
        try:
            return self.workspace.wait_for(look, WAIT_SECONDS, what)
        except AssertionError as error:
            raise AssertionError(f"{error}\n{self.app.log.read_text(encoding='utf-8')[-4000:]}") from None


def request_id(text: str) -> str:
    """The first request id in a text."""
    found = re.search(r"REQ-[0-9A-Z]{6}", text)
    assert found is not None, text
    return found.group()


def _after(label: str, text: str) -> str:
    found = re.search(rf"^{label}: (.+)$", text, re.MULTILINE)
    assert found is not None, text
    return found.group(1)


def _clear(stage: Stage) -> None:
    """Removes the users and roles that a test left in the shared node."""
    security = stage.node.client().options(ignore_status=404).security
    for name in stage.usernames():
        security.delete_user(username=name)
        security.delete_role(name=name)


def set_stage(
    node: Node,
    directory: Path,
    stack: ExitStack,
    *,
    http: bool = False,
    settings: dict[str, str] | None = None,
    policy: Callable[[Workspace], str] | None = None,
) -> Stage:
    """A stage with the application not yet started. `policy` writes the access flows of an `access.yaml`."""
    for index in ("logs-web", "logs-app", "metrics-cpu"):
        if not node.client().indices.exists(index=index):
            node.create_index(index, docs=[{"message": f"a line of {index}"}])
    workspace = stack.enter_context(Workspace.start(MANIFEST))
    alice, bob, carol, dave = (workspace.add_user(name) for name in ("alice", "bob", "carol", "dave"))
    workspace.add_group("data-owners", [carol])
    app = ApplicationProcess(
        workspace, node, node.connector(), directory,
        owners=f"{bob.email},@data-owners", http=http,
        # The node is shared: leftovers of another test belong to another installation.
        settings={"INSTALLATION_ID": token_hex(8), **({} if policy else PLENTY), **(settings or {})},
        access_config=policy and integrations(node, bob) + policy(workspace),
    )  # fmt: skip
    stage = Stage(workspace, node, app, alice, bob, carol, dave)
    stack.callback(_clear, stage)
    stack.callback(app.stop)
    return stage


@contextmanager
def running_stage(node: Node, directory: Path, policy: str) -> Iterator[Stage]:
    """A stage under these access flows, with the application started."""
    with ExitStack() as stack:
        stage = set_stage(node, directory, stack, policy=lambda _: policy)
        stage.app.start()
        yield stage


def integrations(node: Node, owner: User, name: str = "elasticsearch", *, resource_owner: str = "owner") -> str:
    """The top of an `access.yaml` for this node."""
    return f"""
integrations:
  - name: {name}
    url: {node.url}
    username: {node.connector().username}
    password: env:CONNECTOR_PASSWORD
    owner: {owner.email}
    resource_owner: {resource_owner}
"""


@pytest.fixture(params=["socket", "http"])
def stage(request: pytest.FixtureRequest, node: Node, tmp_path: Path) -> Iterator[Stage]:
    """A running stage, once in each delivery mode."""
    with ExitStack() as stack:
        ready = set_stage(node, tmp_path, stack, http=request.param == "http")
        ready.app.start()
        yield ready


@pytest.fixture
def quiet_stage(node: Node, tmp_path: Path) -> Iterator[Stage]:
    """A running stage in Socket Mode, for tests that do not depend on the delivery mode."""
    with ExitStack() as stack:
        ready = set_stage(node, tmp_path, stack)
        ready.app.start()
        yield ready


Opened = Callable[[str], Stage]


@pytest.fixture
def with_flows(node: Node, tmp_path: Path) -> Iterator[Opened]:
    """Starts a stage with these access flows; `bob` is the integration owner, `@data-owners` is carol."""
    with ExitStack() as stack:

        def opened(flows: str) -> Stage:
            stage = set_stage(node, tmp_path, stack, policy=lambda _: f"access_flows:\n{flows}")
            stage.app.start()
            return stage

        yield opened
