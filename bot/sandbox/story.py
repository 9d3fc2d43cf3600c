"""The demo: a story about the product, played for real. Each step states an expected result and checks it.

It does not import the application: people type and click in the workspace, and use their credentials on the node.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple, TypeVar

from elasticsearch import ApiError, TransportError
from rich.console import Console
from rich.panel import Panel
from rich.rule import Rule
from rich.text import Text

from bot.sandbox.curl_runner import CurlAnswer, on_index, run_curl, write_one
from bot.sandbox.stage import Stage
from bot.sandbox.workspace import NotShownError, SlackMessage, User

Found = TypeVar("Found")

OK, CREATED, UNAUTHORIZED, FORBIDDEN = 200, 201, 401, 403

WAIT_SECONDS = 10.0
"""Timeout of steps that take well under one second on an idle machine."""

HOUR_SECONDS = 3600

WIDEST = 100
"""Columns: longer lines are hard to read, however wide the terminal is."""

_STYLES = {"alice": "cyan", "bob": "magenta"}

_REQUEST = re.compile(r"REQ-[0-9A-Z]{6}")
_SECRET = re.compile(r"^(?:Password|API key): (\S+)$", re.MULTILINE)


class StepError(Exception):
    """A step of the story failed. The message states the expected and the actual result."""

    def __init__(self, step: str, what: str) -> None:
        super().__init__(what)
        self.step = step


class DeliveredCredential(NamedTuple):
    """The contents of a credential message."""

    request: str
    secret: str
    line: str


@dataclass
class Narrator:
    """Plays the steps in order and prints them to `console`."""

    stage: Stage
    console: Console
    pause: Callable[[], None] = lambda: None
    """Called before each step and after each panel, to give viewers time to read."""
    step: str = ""
    number: int = 0

    def begin(self, title: str) -> None:
        """Starts a step and prints its title."""
        self.pause()
        self.number += 1
        self.step = f"{self.number}. {title}"
        self.console.print()
        self.console.print(Rule(Text(self.step, style="bold"), align="left"), width=self._width)

    def check(self, holds: bool, what: str, otherwise: object = "it does not hold") -> None:
        """Prints `what` if it holds; otherwise raises `StepError`."""
        if not holds:
            raise StepError(self.step, f"expected: {what}\nbut: {otherwise}")
        self.console.print(Text.assemble(("  ✓ ", "green"), what), highlight=False)

    def does(self, person: User, what: str) -> None:
        """Prints a person's action."""
        self.console.print(Text.assemble(("  » ", "dim"), (person.real_name, self._style(person)), f" {what}"))

    def show(self, person: User, text: str, where: str) -> None:
        """Prints a message as the person sees it, in a panel with their name."""
        title, _, rest = text.partition("\n")
        shown = Text(title, style="bold" if title.isupper() else "")
        if rest:
            shown.append(f"\n{rest}", style="not bold")
        label = Text(f"{person.real_name} · {where}", style=self._style(person))
        panel = Panel(shown, title=label, title_align="left", border_style=self._style(person), padding=(0, 1))
        self.console.print(panel, width=self._width, highlight=False)
        self.pause()

    def types(self, person: User, text: str) -> str:
        """Types a command; prints and returns the ephemeral answer."""
        workspace = self.stage.workspace
        self.does(person, f"types  /es-access {text}")
        before = len(workspace.ephemerals(person))
        delivery = workspace.command(person, "/es-access", text)
        if delivery.error is not None:
            raise StepError(self.step, f"Slack said: {delivery.shown}")
        self.wait(lambda: len(workspace.ephemerals(person)) > before, "a private answer")
        answer = workspace.render(workspace.ephemerals(person)[-1], person)
        self.show(person, answer, "only visible to you")
        return answer

    def finds(self, person: User, *words: str) -> SlackMessage:
        """Waits for a message to that person that contains all of `words`."""
        workspace = self.stage.workspace

        def look() -> SlackMessage | None:
            held = workspace.messages(person)
            return next((each for each in held if all(word in workspace.render(each, person) for word in words)), None)

        return self.wait(look, f"{person.real_name} reads: {', '.join(words)}")

    def reads(self, person: User, *words: str) -> str:
        """Waits for such a message; prints and returns its text."""
        text = self.stage.workspace.render(self.finds(person, *words), person)
        self.show(person, text, "message from es-access")
        return text

    def clicks(self, person: User, message: SlackMessage, button: str) -> None:
        """Clicks a button that the person sees."""
        self.does(person, f"clicks [ {button} ]")
        try:
            delivery = self.stage.workspace.click(person, message, button)
        except NotShownError as error:
            raise StepError(self.step, str(error)) from None
        if delivery.error is not None:
            raise StepError(self.step, f"Slack said: {delivery.shown}")

    def pastes(self, person: User, line: str) -> CurlAnswer:
        """Runs the line as a shell and `curl` would, and prints the answer."""
        self.does(person, "pastes")
        self.console.print(Text(f"    $ {line}"), soft_wrap=True, highlight=False)
        answer = run_curl(line)
        found = f", {answer.found} documents found" if answer.status == OK else ""
        self.console.print(f"    HTTP {answer.status}{found}", highlight=False)
        return answer

    def texts(self, person: User) -> str:
        """All messages in a person's direct message with the app."""
        workspace = self.stage.workspace
        return "\n\n".join(workspace.render(each, person) for each in workspace.messages(person))

    def wait(self, look: Callable[[], Found | None], what: str) -> Found:
        """Waits until `look` finds something, and returns it. Raises `StepError` on timeout."""
        try:
            return self.stage.workspace.wait_for(look, WAIT_SECONDS, what)
        except AssertionError as error:
            log = self.stage.app.log.read_text(encoding="utf-8", errors="replace")[-4000:]
            raise StepError(self.step, f"expected: {error}\n== the application's log\n{log}") from None

    def _style(self, person: User) -> str:
        return _STYLES[person.name]

    @property
    def _width(self) -> int:
        return min(self.console.width, WIDEST)


def tell(stage: Stage, console: Console, pause: Callable[[], None] = lambda: None) -> None:
    """Plays the whole story. Raises `StepError` at the first step that fails."""
    narrator = Narrator(stage, console, pause)
    try:
        _tell(narrator)
    except (OSError, RuntimeError, TransportError, ApiError) as error:
        raise StepError(narrator.step, f"{type(error).__name__}: {error}") from error
    console.print()


def _tell(narrator: Narrator) -> None:
    narrator.console.print()
    narrator.console.print("Alice is in Paris, Bob in New York: each sees times in their own zone.", highlight=False)
    request = asks(narrator, "Alice asks, Bob is asked", "logs-* 1h fixing INC-42")
    asks_too_much(narrator)
    given = is_approved(narrator, request)
    uses(narrator, given)
    is_kept_out_of_the_rest(narrator, given)
    ends_it_early(narrator, given)
    expires(narrator)
    nothing_is_left(narrator)


def asks(narrator: Narrator, title: str, text: str) -> str:
    """Alice requests access. Returns the request's id."""
    alice, bob = narrator.stage.alice, narrator.stage.bob
    narrator.begin(title)
    answer = narrator.types(alice, text)
    found = _REQUEST.search(answer)
    if found is None or "is filed" not in answer:
        raise StepError(narrator.step, f"expected: a request that is filed\nbut: {answer}")
    shown = narrator.reads(bob, f"REQUEST {found.group()}", "@alice")
    narrator.check("[ Approve ] [ Deny ]" in shown, "Bob owns this cluster's data: he can approve or deny", shown)
    return found.group()


def asks_too_much(narrator: Narrator) -> None:
    """A bad input gets an answer and files no request."""
    alice, bob = narrator.stage.alice, narrator.stage.bob
    narrator.begin("Alice asks for what nobody may have")
    before = narrator.texts(bob)
    answer = narrator.types(alice, ".security* 1h")
    narrator.check("is filed" not in answer, "a short answer, and one right example", answer)
    narrator.check(narrator.texts(bob) == before, "nothing was filed, nobody was bothered", narrator.texts(bob))


def is_approved(narrator: Narrator, request: str) -> DeliveredCredential:
    """Bob approves, and Alice receives a credential."""
    bob = narrator.stage.bob
    narrator.begin("Bob approves, Alice has a credential")
    narrator.clicks(bob, narrator.finds(bob, f"REQUEST {request}", "[ Approve ]"), "Approve")
    given = receives(narrator, request)
    text = narrator.reads(bob, f"REQUEST {request}: APPROVED")
    narrator.check("[ Approve ]" not in text, "Bob's message says who decided; there is nothing left to decide", text)
    narrator.check(given.secret not in narrator.texts(bob), "the credential is in Alice's message alone")
    return given


def receives(narrator: Narrator, request: str) -> DeliveredCredential:
    """Waits for the credential message."""
    text = narrator.reads(narrator.stage.alice, f"ACCESS {request}", "Try it:")
    secret = _SECRET.search(text)
    line = next((each for each in text.splitlines() if each.startswith("curl ")), None)
    if secret is None or line is None:
        raise StepError(narrator.step, f"expected: a secret and a curl line\nbut: {text}")
    return DeliveredCredential(request, secret.group(1), line)


def uses(narrator: Narrator, given: DeliveredCredential) -> None:
    """The line from the message works."""
    narrator.begin("It works on what was asked for")
    answer = narrator.pastes(narrator.stage.alice, given.line)
    narrator.check(answer.status == OK and answer.found > 0, "Elasticsearch answers with documents of logs-*", answer)


def is_kept_out_of_the_rest(narrator: Narrator, given: DeliveredCredential) -> None:
    """The same line on another index is refused."""
    narrator.begin("It works on nothing else")
    answer = narrator.pastes(narrator.stage.alice, on_index(given.line, "metrics-hosts"))
    narrator.check(answer.status == FORBIDDEN, f"another index is refused: {FORBIDDEN}", answer)


def ends_it_early(narrator: Narrator, given: DeliveredCredential) -> None:
    """Alice revokes her access. The credential no longer works and is removed from her message."""
    alice, bob = narrator.stage.alice, narrator.stage.bob
    narrator.begin("Alice is done early")
    narrator.types(alice, f"revoke {given.request}")
    narrator.reads(alice, f"ACCESS {given.request} HAS ENDED", "was removed from this message")
    narrator.reads(bob, f"ACCESS {given.request} HAS ENDED", "revoked by @alice")
    narrator.check(given.secret not in narrator.texts(alice), "the password is gone from Alice's messages")
    answer = narrator.pastes(alice, given.line)
    narrator.check(answer.status == UNAUTHORIZED, f"the credential is refused: {UNAUTHORIZED}", answer)


def expires(narrator: Narrator) -> None:
    """Another access expires after its hour."""
    alice, bob = narrator.stage.alice, narrator.stage.bob
    request = asks(narrator, "Alice asks again, for a script that writes", "metrics-* 1h write --key")
    narrator.begin("Approved, used, and then an hour passes")
    narrator.clicks(bob, narrator.finds(bob, f"REQUEST {request}", "[ Approve ]"), "Approve")
    given = receives(narrator, request)
    answer = narrator.pastes(alice, given.line)
    narrator.check(
        answer.status == OK and answer.found > 0, "Elasticsearch answers with documents of metrics-*", answer
    )
    narrator.does(alice, "stores a document in metrics-hosts")
    status = write_one(given.line, "metrics-hosts", {"message": "web-2 cpu 12 %"})
    narrator.check(status == CREATED, f"it is stored: {CREATED}", f"HTTP {status}")
    narrator.console.print(Text.assemble(("  » ", "dim"), ("The clock", "yellow"), " moves on by one hour"))
    narrator.stage.app.move_clock(HOUR_SECONDS + 1)
    narrator.reads(alice, f"ACCESS {request} HAS ENDED", "Ended: expired", "was removed from this message")
    narrator.reads(bob, f"ACCESS {request} HAS ENDED", "Ended: expired")
    answer = narrator.pastes(alice, given.line)
    narrator.check(answer.status == UNAUTHORIZED, f"it has expired by itself: {UNAUTHORIZED}", answer)
    narrator.check(given.secret not in narrator.texts(alice), "its key is gone from Alice's messages too")


def nothing_is_left(narrator: Narrator) -> None:
    """The cluster is as it was before."""
    narrator.begin("What is left in the cluster")
    narrator.wait(lambda: not narrator.stage.left_behind(), "nothing of es-access in the cluster")
    left = narrator.stage.left_behind()
    narrator.check(not left, "nothing: no user, no role, no key", left)
