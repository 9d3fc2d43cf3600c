"""Which patterns one role can hold, so that Elasticsearch evaluates them fast."""

import time

import pytest

from bot.access.errors import InvalidRequest
from bot.access.policy.names.evaluation import are_evaluable, check_evaluable, is_evaluable
from bot.access.policy.names.stars import share_stars

WORDS = "alpha beta gamma delta eps zeta eta theta iota kappa lam mu nu xi omi pi rho sig tau ups".split()  # noqa: SIM905


@pytest.mark.parametrize(
    "shape",
    ["*{}-production*", "*{}-production", "*checkout-{}-prod*", "{}-*-production-*", "logs-*-{}-*", "*{}*prod*", "{}*"],
)
def test_twenty_patterns_of_a_usual_shape_are_accepted(shape: str) -> None:
    check_evaluable([shape.format(word) for word in WORDS])


def test_patterns_with_stars_that_cannot_be_shared_are_refused_with_a_number_that_works() -> None:
    patterns = [f"*{word}*{word[::-1]}*" for word in WORDS]
    with pytest.raises(InvalidRequest, match=r"These 20 patterns have more stars .* Ask for (\d+) of them") as refused:
        check_evaluable(patterns)
    assert refused.value.about == "patterns"
    number = int(refused.value.message.split("Ask for ")[1].split()[0])
    check_evaluable(patterns[:number])
    assert not is_evaluable(patterns[: number + 1])


def test_one_pattern_with_too_many_stars_is_refused() -> None:
    with pytest.raises(InvalidRequest, match="more stars than Elasticsearch can evaluate"):
        check_evaluable(["*" + "*".join(f"a{number}b{number}" for number in range(60)) + "*"])


def test_names_that_are_left_out_count() -> None:
    check_evaluable(["*a*"], ["logs-a", "*-secret-*"])
    with pytest.raises(InvalidRequest, match="leaves out 6 names"):
        check_evaluable(["*"], [f"*{word}*{word[::-1]}*" for word in WORDS[:6]])


@pytest.mark.parametrize(
    ("shape", "number"), [("{}-*", 20), ("*-{}", 20), ("logs-*-{}", 20), ("*-{}-*", 5), ("logs*{}*prod*", 4)]
)
def test_entries_of_one_role_are_judged_together(shape: str, number: int) -> None:
    assert are_evaluable(([shape.format(word)], []) for word in WORDS[:number])
    assert are_evaluable(([shape.format(word)], ["*-secret"]) for word in WORDS[:3])


def test_entries_do_not_share_their_stars() -> None:
    patterns = [f"logs*{word}*prod*" for word in WORDS]
    assert is_evaluable(patterns)
    assert not are_evaluable([([each], []) for each in patterns])
    assert are_evaluable([([patterns[0]], [])] * 20), "the same ones count once"


def test_hundreds_of_names_and_prefixes_are_judged_at_once() -> None:
    began = time.process_time()
    simple: list[tuple[list[str], list[str]]] = [([f"logs-{number}", f"logs-{number}-*"], []) for number in range(500)]
    assert are_evaluable(simple)
    assert are_evaluable([*simple, (["*-web"], []), (["logs-*"], ["logs-secret-*"])])
    assert not are_evaluable([*simple, *(([f"*{word}*{word[::-1]}*"], []) for word in WORDS)])
    assert time.process_time() - began < 5


def test_the_longest_patterns_are_judged_at_once() -> None:
    patterns = [f"*{word}-{(word * 60)[:100]}*{(word[::-1] * 60)[:100]}*" for word in WORDS]
    began = time.process_time()
    assert not is_evaluable(patterns)
    assert time.process_time() - began < 1


def test_patterns_with_the_same_end_share_their_stars() -> None:
    (last,) = share_stars(["*a*", "*b*", "*c*"]).stars
    assert last.tails == ("",)
    (first,) = last.before
    assert first.heads == ("",)
    assert first.tails == ("a", "b", "c")


def test_a_pattern_that_another_covers_is_left_out() -> None:
    shared = share_stars(["logs-*", "logs-web-*", "logs-a", "*"])
    assert shared == share_stars(["*"])
