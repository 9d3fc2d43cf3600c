"""Roles of random requests on a node of each version: the names that they allow, and the cost of each call."""

import random
import secrets
import string
from collections.abc import Iterator, Sequence
from os import sysconf
from pathlib import Path

import pytest
from elasticsearch import ApiError, Elasticsearch

from bot.access.errors import InvalidRequest
from bot.access.policy.names.evaluation import is_evaluable
from bot.access.policy.patterns import matcher, parse_patterns
from bot.cluster.role_names import role_names
from bot.sandbox.node import Node

SETS = 300
"""Random requests for each version."""

MOST_SECONDS = 1.0
"""Processor time of the node for one call with names that it has not seen."""

_WORDS = (
    "logs", "metrics", "checkout", "payments", "prod", "production", "staging", "eu-west-1", "web", "a", "b", "-", ".",
    "2026.11.", "app_7", "é", "x+y", "(z)", "audit",
)  # fmt: skip

_SHAPES = (
    "{}", "{}*", "*{}", "*{}*", "{}*{}", "{}-*-{}", "*{}*{}", "*{}*{}*", "{}*{}*", "*", "*-{}-{}*", "*{}-{}",
    "{}*{}*{}", "*.{}", "*{}*{}*{}*", ".{}", ".{}*", ".{}-*", ".{}*{}", ".{}-*-{}*", ".{}.{}*{}*",
)  # fmt: skip

# bcrypt of “nobody-signs-in”, with four rounds: these users are only run as.
_HASH = "$2b$04$Wj8ddpA3YMSjPBvHMDfL2eIAqBJLLgiX2frez5nLqTqhATvmSpZra"


class Draw:
    """Random requests and names, the same in each run."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)  # noqa: S311

    def patterns(self) -> tuple[str, ...]:
        """A request that is accepted."""
        while True:
            shapes = self._random.sample(_SHAPES, self._random.randint(1, 3))
            number = self._random.choice((1, 2, 5, 10, 20))
            typed = [self._filled(self._random.choice(shapes)) for _ in range(number)]
            try:
                patterns = parse_patterns(",".join(typed))
            except InvalidRequest:
                continue
            if is_evaluable(patterns):
                return patterns

    def left_out(self, patterns: Sequence[str]) -> tuple[str, ...]:
        """Names and patterns that a role leaves out, for every third request none."""
        while True:
            number = self._random.choice((0, 1, 3))
            some = [self._random.choice((*patterns, "*")) for _ in range(number)]
            left_out = tuple(dict.fromkeys(filter(None, map(self.name_under, some))))
            if number == 3:
                left_out = (*left_out, f"*{self._word()}*")
            is_left_out = matcher(left_out, hidden=True)
            if is_evaluable(patterns, left_out) and any("*" in each or not is_left_out(each) for each in patterns):
                return left_out

    def names(self, patterns: Sequence[str]) -> list[str]:
        """Names that the patterns match, names that they nearly match, and hidden ones."""
        near = [self.name_under(each) for each in patterns for _ in range(3)]
        near += [self._changed(each) for each in near]
        near += [f".{each}" for each in near[::4]] + [self._filled(each) for each in ("{}", "{}-{}", ".{}-{}", "..{}")]
        return sorted({each for each in near if each})

    def name_under(self, pattern: str) -> str:
        """A name that the pattern matches, unless that would have a leading dot."""
        first, *rest = pattern.split("*")
        return first + "".join(self._random.choice(("", "q", ".", self._word(), "-9-")) + each for each in rest)

    def _filled(self, shape: str) -> str:
        return "".join(self._word() if part == "{}" else part for part in shape.replace("{}", "\0{}\0").split("\0"))

    def _word(self) -> str:
        if self._random.random() < 0.5:
            return self._random.choice(_WORDS)
        return "".join(self._random.choices(string.ascii_lowercase + string.digits, k=self._random.randint(2, 12)))

    def _changed(self, name: str) -> str:
        place = self._random.randrange(len(name) + 1)
        return name[:place] + self._random.choice(("", "x", ".")) + name[place + self._random.randint(0, 1) :]


def seconds_used(node: Node) -> float:
    """The processor time of the node so far."""
    fields = Path(f"/proc/{node.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / float(sysconf("SC_CLK_TCK"))


@pytest.fixture
def user(each_node: Node) -> Iterator[str]:
    """A user with a role of the same name."""
    name = f"names-{secrets.token_hex(4)}"
    each_node.client().security.put_user(username=name, password_hash=_HASH, roles=[name], refresh=False)
    yield name
    each_node.client().security.delete_user(username=name)
    each_node.client().options(ignore_status=404).security.delete_role(name=name)


def as_user(node: Node, name: str) -> Elasticsearch:
    return node.client().options(headers={"es-security-runas-user": name}, max_retries=0)


def put_role(node: Node, name: str, names: Sequence[str]) -> None:
    node.client().security.put_role(name=name, indices=[{"names": names, "privileges": ["read"]}], refresh=False)


@pytest.mark.parametrize("part", range(3))
def test_random_roles_allow_what_our_matcher_says_and_are_evaluated_fast(each_node: Node, user: str, part: int) -> None:
    draw = Draw(part)
    person = as_user(each_node, user)
    for _ in range(SETS // 3):
        patterns = draw.patterns()
        left_out = draw.left_out(patterns)
        names = draw.names(patterns)
        put_role(each_node, user, role_names(patterns, left_out))
        before = seconds_used(each_node)
        answer = person.security.has_privileges(index=[{"names": names, "privileges": ["read"]}])["index"]
        used = seconds_used(each_node) - before
        covered, withheld = matcher(patterns), matcher(left_out, hidden=True)
        allowed = {name for name, held in answer.items() if held["read"]}
        expected = {name for name in names if covered(name) and not withheld(name)}
        assert allowed == expected, (patterns, left_out, role_names(patterns, left_out))
        assert used < MOST_SECONDS, patterns


FAILED = {
    "14 of one shape": [f"*checkout-{number}-prod{number}*" for number in range(14)],
    "20 of one shape": [f"*checkout-{number}-prod{number}*" for number in range(20)],
    "10 words": [
        f"*{word}-production*"
        for word in ("alpha", "beta", "gamma", "delta", "zeta", "theta", "iota", "kappa", "lambda", "sigma")
    ],
}
"""Requests whose roles Elasticsearch could not evaluate, when each pattern was an expression of its own."""


@pytest.mark.parametrize("patterns", FAILED.values(), ids=FAILED)
def test_requests_that_cost_seconds_and_failed_work(each_node: Node, user: str, patterns: list[str]) -> None:
    index = patterns[0].replace("*", "q")
    each_node.create_index(index, docs=[{"line": "found"}])
    each_node.create_index(f".{index}", docs=[{"line": "hidden"}])
    try:
        put_role(each_node, user, role_names(patterns))
        person = as_user(each_node, user)
        before = seconds_used(each_node)
        assert person.search(index="*", expand_wildcards=["open", "hidden"])["hits"]["total"]["value"] == 1
        assert person.search(index=index)["hits"]["total"]["value"] == 1
        assert set(person.field_caps(index=index, fields="line")["indices"]) == {index}
        for call in (person.search, person.count):
            with pytest.raises(ApiError, match="403"):
                call(index=f".{index}")
        assert seconds_used(each_node) - before < MOST_SECONDS
    finally:
        each_node.client().indices.delete(index=[index, f".{index}"])


def test_a_role_can_leave_out_hundreds_of_names(each_node: Node, user: str) -> None:
    left_out = [f"alias-{number}" for number in range(400)]
    put_role(each_node, user, role_names(["*"], left_out))
    asked = [*left_out[::50], "alias-400", "other"]
    answer = as_user(each_node, user).security.has_privileges(index=[{"names": asked, "privileges": ["read"]}])
    assert {name for name, held in answer["index"].items() if held["read"]} == {"alias-400", "other"}


def test_with_system_indices_a_leading_star_covers_leading_dots(each_node: Node, user: str) -> None:
    patterns = [f"*{word}*x{word}*" for word in ("a", "b")]
    put_role(each_node, user, role_names(patterns, hidden=True))
    asked = ["axa", ".axa", ".bxb-1", ".axb"]
    answer = as_user(each_node, user).security.has_privileges(index=[{"names": asked, "privileges": ["read"]}])
    assert {name for name, held in answer["index"].items() if held["read"]} == {"axa", ".axa", ".bxb-1"}
