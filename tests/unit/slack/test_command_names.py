"""`--for` and a name: the longest name wins, the words after it are the reason, and no name is matched in part."""

from collections.abc import Sequence

import pytest

from bot.access.errors import InvalidRequest
from bot.slack.command.command import Command, Verb
from bot.slack.listeners.command_parser import parse
from bot.slack.names import Names

PEOPLE = ("ada", "Ada Lovelace", "Anna Maria", "Anna Maria della Valle", "José Núñez")


def user(number: int, shown: str, **values: object) -> dict[str, object]:
    return {"id": f"U{number:08d}", "name": f"handle{number}", "profile": {"display_name": shown}, **values}


def known() -> Names:
    names = Names()
    for number, name in enumerate(PEOPLE):
        names.add(user(number, name), belongs=True)
    return names


def read(text: str) -> Command:
    def count(words: Sequence[str]) -> int:
        return known().count_words(words)

    return parse(text, ["read", "write"], count)


@pytest.mark.parametrize(
    ("typed", "whom", "reason"),
    [
        ("--for @ada", "@ada", ""),
        ("--for @ada fixing INC-42", "@ada", "fixing INC-42"),
        ("--for @Ada Lovelace", "@Ada Lovelace", ""),
        ("--for @Ada Lovelace fixing INC-42", "@Ada Lovelace", "fixing INC-42"),
        ("--for @ada  lovelace fixing", "@ada lovelace", "fixing"),
        ("--for @Anna Maria della Valle is away", "@Anna Maria della Valle", "is away"),
        ("--for @Anna Maria is away", "@Anna Maria", "is away"),
        # The beginning of a longer name is not cut down to a shorter one: it is looked up as typed, and found nowhere.
        ("--for @Anna Maria della is away", "@Anna Maria della", "is away"),
        ("--for @Jose\u0301 Nu\u0301n\u0303ez on call", "@Jose\u0301 Nu\u0301n\u0303ez", "on call"),
        ("--for @nobody at all", "@nobody", "at all"),
        ("--for=@ada fixing", "@ada", "fixing"),
        ("--for=@Ada Lovelace fixing", "@Ada Lovelace", "fixing"),
        ("--for= @Ada Lovelace fixing", "@Ada Lovelace", "fixing"),
        ('--for "Ada Lovelace" fixing', "@Ada Lovelace", "fixing"),
        ('--for="Ada Lovelace" fixing', "@Ada Lovelace", "fixing"),
        ('--for "@ada" lovelace', "@ada", "lovelace"),
        ("--for “Ada Lovelace” fixing", "@Ada Lovelace", "fixing"),
        ("--for 'Somebody New' fixing", "@Somebody New", "fixing"),
        ('--for "ada@example.com" fixing', "ada@example.com", "fixing"),
        ("--for ada@example.com Lovelace", "ada@example.com", "Lovelace"),
        ("--for U0123ABCD Lovelace", "U0123ABCD", "Lovelace"),
        ("--for <@U0123ABCD|ada> Lovelace", "<@U0123ABCD|ada>", "Lovelace"),
    ],
)
def test_who_is_meant_and_the_reason(typed: str, whom: str, reason: str) -> None:
    draft = read(f"logs-* 1h write {typed}").draft
    assert draft is not None
    assert (draft.for_whom, draft.reason, draft.permission) == (whom, reason, "write")


@pytest.mark.parametrize(
    "text",
    [
        "--for @Ada Lovelace logs-* 1h write fixing",
        "logs-* --for @Ada Lovelace 1h write fixing",
        "logs-* 1h --for @Ada Lovelace write fixing",
        "logs-* 1h --key --for @Ada Lovelace --cluster=here write fixing",
        "logs-* 1h --for @Ada Lovelace --key write fixing --cluster here",
        "logs-* 1h \u2014for @Ada Lovelace \u2013key write fixing",
        "logs-* 1h \u2014for=@Ada Lovelace --KEY write fixing",
        "logs-* 1h --For @Ada Lovelace write fixing",
    ],
)
def test_the_name_may_stand_anywhere(text: str) -> None:
    command = read(text)
    assert command.verb is Verb.REQUEST
    draft = command.draft
    assert draft is not None
    assert (draft.for_whom, draft.patterns, draft.duration) == ("@Ada Lovelace", "logs-*", "1h")
    assert (draft.permission, draft.reason) == ("write", "fixing")
    assert draft.integration == ("here" if "--cluster" in text else None)


def test_a_dash_that_begins_no_flag_is_a_part_of_the_reason() -> None:
    draft = read("logs-* 1h read disk \u2014 key \u2014fast -k").draft
    assert draft is not None
    assert (draft.reason, draft.kind) == ("disk \u2014 key \u2014fast -k", None)


def test_explain_reads_names_as_well() -> None:
    command = read("explain logs-* 1h --for @Ada Lovelace")
    assert command.draft is not None
    assert command.draft.for_whom == "@Ada Lovelace"


@pytest.mark.parametrize("typed", ['--for "Ada Lovelace fixing', "--for “Ada", '--for "', '--for ""'])
def test_an_open_quotation_mark_is_named(typed: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        read(f"logs-* 1h {typed}")
    assert caught.value.example == '/es-access logs-* 1h --for "Ada Lovelace"'


@pytest.mark.parametrize("typed", ["--for", "--for=", "--cluster", "--cluster="])
def test_a_missing_value_is_named(typed: str) -> None:
    with pytest.raises(InvalidRequest, match=r"^Say "):
        read(f"logs-* 1h {typed}")


def candidates(names: Names, name: str) -> Sequence[str]:
    return [each.id for each in names.find(name)]


def test_names_are_compared_in_one_form() -> None:
    names = Names()
    names.add(user(1, "José  Núñez", real_name="JOSE\u0301 Garci\u0301a", name="jnunez"), belongs=True)
    same = (
        "jose\u0301 nu\u0301n\u0303ez",
        "JOSÉ NÚÑEZ",
        "José\u00a0Núñez",
        "jos\u200bé núñez",
        "josé garcía",
        "JNunez",
    )
    for typed in same:
        assert candidates(names, typed) == ["U00000001"], typed
    for typed in ("Jose Nunez", "José", "Núñez", "José Núñe", "josé garcía x", ""):
        assert candidates(names, typed) == [], typed


def test_two_people_of_one_name_are_told_apart() -> None:
    names = Names()
    names.add(user(1, "Ada", profile={"display_name": "Ada", "email": "ada1@example.com"}), belongs=True)
    names.add(user(2, "Eve", profile={"display_name": "Eve", "real_name": "ada"}), belongs=True)
    names.add(user(3, "ada", deleted=True), belongs=False)
    found = names.find("Ada")
    assert [each.id for each in found] == ["U00000001", "U00000002"]
    assert [str(each) for each in found] == ["<@U00000001> (ada1@example.com)", "<@U00000002> (@handle2)"]


def test_a_name_of_somebody_who_left_is_not_cut_down_to_a_shorter_one() -> None:
    names = Names()
    names.add(user(1, "Ada"), belongs=True)
    names.add(user(2, "Ada Lovelace", deleted=True), belongs=False)
    assert names.count_words(["@Ada", "Lovelace", "fixing"]) == 2
    assert candidates(names, "Ada Lovelace") == []


def test_who_may_be_meant_by_the_beginning_of_a_name() -> None:
    names = known()
    assert [each.id for each in names.find_beginning("anna maria della")] == ["U00000003"]
    assert names.find_beginning("anna mari") == []


@pytest.mark.parametrize(
    ("typed", "told"),
    [
        ("logs-* 1h --kye", "“--kye” is not an option. Did you mean --key?"),
        ("logs-* 1h write fixing INC-42 --agian", "Did you mean --again?"),
        ("logs-* 1h --break-glas the site is down", "Did you mean --break-glass?"),
        ("--fro @ada logs-* 1h", "Did you mean --for?"),
        ("explain logs-* 1h --Key=yes", "--key takes no value"),
        ("logs-* 1h --zzz", "The options are --own, --password, --key, --break-glass, --again, --cluster, --for."),
    ],
)
def test_a_mistyped_option_does_not_pass_for_the_reason(typed: str, told: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        read(typed)
    assert told in refused.value.message
    assert refused.value.example


@pytest.mark.parametrize("reason", ["up -- and down", "the site is down —urgent", "a-b --- c", "--1 day"])
def test_dashes_in_a_reason_are_no_option(reason: str) -> None:
    found = read(f"logs-* 1h read {reason}").draft
    assert found is not None
    assert found.reason == reason
