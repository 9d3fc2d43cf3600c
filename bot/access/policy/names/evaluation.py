"""Whether Elasticsearch can evaluate the names of a role.

It makes a deterministic automaton of them, and gives up at a limit: then every call of the user is an error that costs
the node up to four seconds, although the role itself was accepted (measured on 8.19 and 9.5). So the work is counted
here first, on the same automaton, and names that come near the limit are refused.
"""

from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache

from bot.access.errors import InvalidRequest, RequestField
from bot.access.policy.names.stars import Star, share_stars

MOST_EFFORT = 20_000
"""The sizes of all sets of states. Elasticsearch gives up at 100,000: ten times Lucene's default for an expression."""

MOST_CELLS = 100_000
"""States times characters. Up to here 8.19 and 9.5 need at most half a second of processor time, once for each set of
names; with 370,000 8.19 needs two (measured)."""

_States = frozenset[int]
"""Of the states of a nondeterministic automaton, those that the characters so far may have led to."""

_DEAD: _States = frozenset()


def check_evaluable(patterns: Sequence[str], without: Sequence[str] = ()) -> None:
    """Raises `InvalidRequest` if a role of these patterns, less the names and patterns `without`, would not work."""
    if not is_evaluable(patterns, without):
        raise InvalidRequest(_refusal(patterns, without), about=RequestField.PATTERNS)


def is_evaluable(patterns: Sequence[str], without: Sequence[str] = ()) -> bool:
    """Whether Elasticsearch can evaluate a role of these patterns, less the names and patterns `without`."""
    if not any("*" in each for each in patterns) or (not without and are_simple(patterns)):
        return True
    return _is_small(((tuple(patterns), tuple(without)),))


def are_evaluable(entries: Iterable[tuple[Sequence[str], Sequence[str]]]) -> bool:
    """Whether Elasticsearch can evaluate a role of several entries: each has patterns, and what these are without.

    It makes one automaton of all of them, in which entries do not share their stars.
    """
    starred = [(tuple(each for each in patterns if "*" in each), tuple(without)) for patterns, without in entries]
    some = [(patterns, without) for patterns, without in starred if patterns]
    if not any(without for _, without in some) and are_simple([each for patterns, _ in some for each in patterns]):
        return True
    return _is_small(tuple(dict.fromkeys(some)))


def are_simple(patterns: Sequence[str]) -> bool:
    """Whether a role may name the patterns as they are: fast to evaluate, and none begins with a star."""
    starred = [each for each in patterns if "*" in each]
    return not any(each.startswith("*") for each in starred) and (
        len(starred) < 2 or all(each.index("*") == len(each) - 1 for each in starred)
    )


def _refusal(patterns: Sequence[str], without: Sequence[str]) -> str:
    if is_evaluable(patterns):
        return (
            f"Elasticsearch cannot evaluate a role of these patterns that leaves out {len(without)} names. "
            "Ask for fewer or narrower patterns."
        )
    if len(patterns) == 1:
        return f"“{patterns[0][:80]}” has more stars than Elasticsearch can evaluate. Leave some of them out."
    together = next((most for most in range(len(patterns) - 1, 1, -1) if is_evaluable(patterns[:most])), 1)
    fewer = f"Ask for {together} of them at a time" if together > 1 else "Ask for them one at a time"
    return (
        f"These {len(patterns)} patterns have more stars and text than Elasticsearch can evaluate in one role. "
        f"{fewer}, or write how the names begin."
    )


@lru_cache(maxsize=1024)
def _is_small(entries: tuple[tuple[tuple[str, ...], tuple[str, ...]], ...]) -> bool:
    """Whether the deterministic automaton stays within the limits."""
    plain = _Automaton([patterns for patterns, without in entries if not without])
    pairs = [(_Automaton([patterns]), _Automaton([without])) for patterns, without in entries if without]
    automata = [plain, *(each for pair in pairs for each in pair)]
    characters = {"", *"".join(each for patterns, without in entries for each in (*patterns, *without))}
    most = MOST_CELLS // len(characters)
    begin = tuple(each.start for each in automata)
    seen, todo, effort = {begin}, [begin], 0
    while todo:
        now = todo.pop()
        effort += sum(map(len, now))
        if effort > MOST_EFFORT or len(seen) > most:
            return False
        spelt = (each.spelt_out(some) for each, some in zip(automata, now, strict=True))
        for character in {"", ".", *(character for some in spelt for character in some)}:
            after = _step(automata, now, character)
            if any((after[0], *after[1::2])) and after not in seen:
                seen.add(after)
                todo.append(after)
    return True


def _step(automata: Sequence["_Automaton"], now: Sequence[_States], character: str) -> tuple[_States, ...]:
    """The states after one more character. A name that is left out no longer counts where nothing is given any more."""
    first, *others = (each.step(some, character) for each, some in zip(automata, now, strict=True))
    pairs = ((given, left_out if given else _DEAD) for given, left_out in zip(others[::2], others[1::2], strict=True))
    return (first, *(each for pair in pairs for each in pair))


class _Automaton:
    """A nondeterministic automaton of patterns, which share stars within each group. Its states are numbers."""

    def __init__(self, groups: Sequence[Sequence[str]]) -> None:
        self._next: list[dict[str, tuple[int, ...]]] = []
        self._stars: set[int] = set()
        first, end = self._new(), self._new()
        self.start: _States = frozenset({first})
        self._first = first
        self._at_first: tuple[int, ...] = ()
        for patterns in groups:
            shared = share_stars(patterns)
            for word in shared.words:
                self._spell(first, word, (end,))
            for star in shared.stars:
                self._add(star, (end,))

    def spelt_out(self, some: _States) -> Iterator[str]:
        """The characters after which a state leads on."""
        return (character for state in some for character in self._next[state])

    def step(self, some: _States, character: str) -> _States:
        """The states after one more character. An empty text stands for one that no pattern spells out."""
        after = some & self._stars
        for state in some:
            after |= frozenset(self._next[state].get(character, ()))
        # A star at the beginning matches no leading dot.
        return after.union(self._at_first) if self._first in some and character != "." else after

    def _new(self) -> int:
        self._next.append({})
        return len(self._next) - 1

    def _add(self, star: Star, done: tuple[int, ...]) -> None:
        """Adds a star and all that stands before it. `done` are the states after its tails."""
        loop = self._new()
        self._stars.add(loop)
        entered = (loop, *(done if "" in star.tails else ()))
        tails = [each for each in star.tails if each]
        for tail in tails:
            self._spell(loop, tail, done)
        for head in star.heads:
            if head:
                self._spell(self._first, head, entered)
                continue
            self._at_first += entered
            for tail in tails:
                if not tail.startswith("."):
                    self._spell(self._first, tail, done)
        for inner in star.before:
            self._add(inner, entered)

    def _spell(self, state: int, text: str, done: tuple[int, ...]) -> None:
        """Leads from one state over the characters of a text to others."""
        for character in text[:-1]:
            after = self._new()
            self._lead(state, character, (after,))
            state = after
        self._lead(state, text[-1], done)

    def _lead(self, state: int, character: str, to: tuple[int, ...]) -> None:
        self._next[state][character] = (*self._next[state].get(character, ()), *to)
