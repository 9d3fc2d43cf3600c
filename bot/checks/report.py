"""The output of `bot check`: lines with a verdict and a finding, followed by what to do."""

import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import TextIO

from pydantic import SecretStr

from bot.access.wording import counted
from bot.observability.logs import Scrubber

_INDENT = " " * 6
"""As wide as a verdict, so that instructions are aligned with the finding."""


MOST_NAMED = 5
"""Names in a line, which only summarises."""


def listed(names: Sequence[str]) -> str:
    """The names as part of a sentence, cut after `MOST_NAMED`."""
    more = len(names) - MOST_NAMED
    return ", ".join(names[:MOST_NAMED]) + (f" and {more} more" if more > 0 else "")


class Report:
    """Prints each line immediately, without secrets, and counts the problems and warnings."""

    def __init__(self, output: TextIO | None = None) -> None:
        self.problems = self.warnings = 0
        self._output = output or sys.stdout
        self._scrub = Scrubber([])
        self._about = ""

    def hide(self, source: Callable[[], Iterable[SecretStr]]) -> None:
        """Hides the secrets of `source` in all further lines."""
        self._scrub.hide(source)

    @contextmanager
    def about(self, name: str) -> Iterator[None]:
        """Starts each line within the block with `name`, unless it is empty."""
        self._about = f"{name}: " if name else ""
        try:
            yield
        finally:
            self._about = ""

    def ok(self, found: str, *more: str) -> None:
        """Reports something that works."""
        self._print("ok", found, more)

    def fail(self, found: str, *to_do: str) -> None:
        """Reports something that does not work, and what `to_do`."""
        self.problems += 1
        self._print("FAIL", found, to_do)

    def warn(self, found: str, *to_do: str) -> None:
        """Reports something that works but deserves attention."""
        self.warnings += 1
        self._print("warn", found, to_do)

    def skip(self, what: str, why: str) -> None:
        """Reports a check that cannot run before an earlier problem is fixed."""
        self._print("skip", f"{what}: {why}", ())

    def end(self) -> int:
        """Prints the last line, and returns the exit code."""
        if not self.problems:
            self._write(f"No problem, {counted(self.warnings, 'warning')}." if self.warnings else "All well.")
            return 0
        self._write(f"{counted(self.problems, 'problem')}.")
        return 1

    def _print(self, verdict: str, found: str, below: Iterable[str]) -> None:
        self._write(f"{verdict:<6}{self._clean(self._about + found)}")
        for line in below:
            self._write(_INDENT + self._clean(line))

    def _clean(self, text: str) -> str:
        # A server's text may hold control characters, which must not move the cursor or start a new line.
        shown = str(self._scrub(None, "", {"text": text})["text"])
        return "".join(each if each.isprintable() else "\ufffd" for each in shown)

    def _write(self, line: str) -> None:
        print(line, file=self._output, flush=True)
