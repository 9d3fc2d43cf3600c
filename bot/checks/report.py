"""The lines that `bot check` prints: a verdict, what was found, and below it what to do."""

import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TextIO

from pydantic import SecretStr

from bot.observability.logs import Scrubber

_INDENT = " " * 6
"""As wide as a verdict: what to do stands below what was found."""


class Report:
    """Prints each line as soon as it is known, with no secret in it, and counts the problems."""

    def __init__(self, output: TextIO | None = None) -> None:
        self.problems = 0
        self._output = output or sys.stdout
        self._scrub = Scrubber([])
        self._about = ""

    def hide(self, secrets: Iterable[SecretStr]) -> None:
        """From now on none of these is printed, wherever it comes from."""
        self._scrub = Scrubber(secrets)

    @contextmanager
    def about(self, name: str) -> Iterator[None]:
        """Meanwhile each line begins with that name. Without one nothing changes."""
        self._about = f"{name}: " if name else ""
        try:
            yield
        finally:
            self._about = ""

    def ok(self, found: str, *more: str) -> None:
        """All is well with it."""
        self._print("ok", found, more)

    def fail(self, found: str, *to_do: str) -> None:
        """It does not work, and this is what to do."""
        self.problems += 1
        self._print("FAIL", found, to_do)

    def warn(self, found: str, *to_do: str) -> None:
        """It works, and somebody should know."""
        self._print("warn", found, to_do)

    def skip(self, what: str, why: str) -> None:
        """It cannot be tried before something above is mended."""
        self._print("skip", f"{what}: {why}", ())

    def end(self) -> int:
        """The last line, and the exit code."""
        if not self.problems:
            self._write("All well.")
            return 0
        self._write("1 problem." if self.problems == 1 else f"{self.problems} problems.")
        return 1

    def _print(self, verdict: str, found: str, below: Iterable[str]) -> None:
        self._write(f"{verdict:<6}{self._clean(self._about + found)}")
        for line in below:
            self._write(_INDENT + self._clean(line))

    def _clean(self, text: str) -> str:
        # What a server said may hold anything: nothing of it may move the cursor or begin a line of its own.
        shown = str(self._scrub(None, "", {"text": text})["text"])
        return "".join(each if each.isprintable() else "\ufffd" for each in shown)

    def _write(self, line: str) -> None:
        print(line, file=self._output, flush=True)
