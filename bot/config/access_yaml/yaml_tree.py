"""Parses YAML into a tree that knows the line of each value.

It reads PyYAML's events, and is stricter than YAML: no anchors, aliases, tags, second documents or duplicate keys.
Unquoted values are texts too, unless empty: `22:00` stays as typed, and does not become the number 1320.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

import yaml
from yaml.events import AliasEvent, CollectionStartEvent, MappingStartEvent, NodeEvent, ScalarEvent, SequenceEndEvent

from bot.config.access_yaml.problems import Problem

DEEPEST = 16
"""Levels: enough for a query with several `bool` inside one another. It also limits the recursion here."""

_NOTHING = frozenset({"", "~", "null", "Null", "NULL"})

_REFERENCE = "a text that begins with * or & must be in quotes (anchors and aliases are not read)"


@dataclass(frozen=True)
class Scalar:
    """A value; `None` when it is empty."""

    line: int
    value: str | None


@dataclass(frozen=True)
class Items:
    """A list."""

    line: int
    items: tuple["Tree", ...]


@dataclass(frozen=True)
class Keys:
    """A mapping from each key to its line and value."""

    line: int
    entries: Mapping[str, tuple[int, "Tree"]]


Tree: TypeAlias = Scalar | Items | Keys


def to_plain(tree: Tree) -> Any:
    """The tree as dictionaries, lists and texts."""
    if isinstance(tree, Keys):
        return {key: to_plain(value) for key, (_, value) in tree.entries.items()}
    return [to_plain(each) for each in tree.items] if isinstance(tree, Items) else tree.value


def lines_of(tree: Keys, key: str) -> list[int]:
    """The line of each entry of the list under that key."""
    _, entries = tree.entries[key]
    return [each.line for each in entries.items] if isinstance(entries, Items) else []


def parse_tree(text: str) -> tuple[Tree | None, list[Problem]]:
    """Parses the text into a tree, and lists YAML problems. The tree is `None` when nothing can be read."""
    parser = _TreeParser(text)
    return parser.document(), parser.problems


def _line(event: NodeEvent) -> int:
    return event.start_mark.line + 1 if event.start_mark else 1


class _TooDeepError(Exception):
    """Parsing stops: the nesting is too deep."""


class _TreeParser:
    def __init__(self, text: str) -> None:
        self.problems: list[Problem] = []
        self._text = text

    def document(self) -> Tree | None:
        try:
            self._events = yaml.SafeLoader(self._text)
            return self._only_document()
        except yaml.reader.ReaderError as error:
            line = self._text.count("\n", 0, error.position) + 1
            self._complain(line, "holds a character that YAML does not allow")
        except yaml.MarkedYAMLError as error:
            self.problems.append(_syntax(error))
        except (ValueError, OverflowError):  # PyYAML on \U99999999 and on %YAML with thousands of digits
            self._complain(self._events.line + 1, "holds a number that is far too large")
        except _TooDeepError:
            pass
        return None

    def _only_document(self) -> Tree | None:
        self._next()  # of the stream
        if self._events.check_event(yaml.StreamEndEvent):
            return None
        self._next()  # of the document
        tree = self._node(self._next(), 1)
        self._next()
        if not self._events.check_event(yaml.StreamEndEvent):
            self._complain(_line(self._next()), "begins a second document: only one is read")
        return tree

    def _next(self) -> Any:
        return self._events.get_event()  # type: ignore[no-untyped-call]  # no stub has a type for it

    def _complain(self, line: int, sentence: str) -> None:
        self.problems.append(Problem(line, sentence))

    def _node(self, event: NodeEvent, depth: int) -> Tree:
        line = _line(event)
        if depth > DEEPEST:
            self._complain(line, f"is nested in more than {DEEPEST} others")
            raise _TooDeepError
        if isinstance(event, AliasEvent) or event.anchor is not None:
            self._complain(line, _REFERENCE)
        elif isinstance(event, ScalarEvent | CollectionStartEvent) and event.tag is not None:
            self._complain(line, "a text that begins with ! must be in quotes (tags are not read)")
        if isinstance(event, MappingStartEvent):
            return Keys(line, dict(self._entries(depth)))
        if isinstance(event, CollectionStartEvent):
            return Items(line, tuple(self._items(depth)))
        return Scalar(line, self._value(event, line) if isinstance(event, ScalarEvent) else None)

    def _value(self, event: ScalarEvent, line: int) -> str | None:
        value = str(event.value)
        if event.style is None and value in _NOTHING:
            return None
        if not value.isascii() and any("\ud800" <= each <= "\udfff" for each in value):
            self._complain(line, "holds a half character")
            return None
        return value

    def _items(self, depth: int) -> Iterator[Tree]:
        while not isinstance(event := self._next(), SequenceEndEvent):
            yield self._node(event, depth + 1)

    def _entries(self, depth: int) -> Iterator[tuple[str, tuple[int, Tree]]]:
        first: dict[str, int] = {}
        while not isinstance(event := self._next(), yaml.MappingEndEvent):
            key = self._node(event, depth + 1)
            value = self._node(self._next(), depth + 1)
            if not isinstance(key, Scalar) or key.value is None:
                self._complain(key.line, "a key must be a word: a value with braces in it must be in quotes")
            elif key.value in first:
                self._complain(key.line, f"the same key stands on line {first[key.value]} already")
            else:
                first[key.value] = key.line
                yield key.value, (key.line, value)


_PLAINLY = (
    (r"'\\t'", "a tab: indent with spaces"),
    (r"character '[@`%]'", "a text that begins with @, % or ` must be in quotes"),
    (r"scanning an (alias|anchor)", _REFERENCE),
    (r"\btag\b", "a text that begins with ! must be in quotes (tags are not read)"),
    (r"quoted scalar", "a quote that is not closed, or a \\ in double quotes: write single ones"),
    (r"mapping values are not allowed", "a colon where no key can be: look at the indentation, or put it in quotes"),
    (r"expected ':'", "is no “key: value”: there is a space after the colon"),
    (r"block (end|mapping|collection)", "does not fit to the lines above: look at the indentation"),
    (r"flow (sequence|mapping)|expected ','", "a bracket or brace that is not closed, or a comma that is missing"),
)
"""Patterns for PyYAML's messages, and our sentences."""


def _syntax(error: yaml.MarkedYAMLError) -> Problem:
    """Translates PyYAML's error, whose text would repeat the file's content."""
    found = f"{error.context} {error.problem}"
    began = re.search(r"quoted scalar|expected ':'", found)
    mark = (error.context_mark if began else None) or error.problem_mark or error.context_mark
    sentence = next(
        (sentence for pattern, sentence in _PLAINLY if re.search(pattern, found)),
        "is no YAML: look at indentation, quotes and brackets",
    )
    return Problem(mark.line + 1 if mark else 1, sentence)
