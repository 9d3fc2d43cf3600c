"""Limits of fields and documents: which are allowed, how they compare and combine, and what they are in words."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from bot.access.errors import InvalidRequest
from bot.access.models.limits import NO_LIMITS, Limits
from bot.access.policy.access_flow import AccessFlow
from bot.access.policy.limits.combination import combined
from bot.access.policy.limits.fields import FieldLimits, hide, includes_fields, parse_fields, with_inner, without_inner
from bot.access.policy.limits.joined import show_more_together
from bot.access.policy.limits.query import canonical, includes_documents, recognized, since, time_of
from bot.access.policy.limits.words import LONGEST, in_words
from bot.access.policy.model import PERMISSIONS, Permission, Policy
from bot.access.policy.undercuts import find_undercuts
from tests.fakes import PRODUCTION

READ = PERMISSIONS[0]
ERRORS = {"term": {"level": "error"}}
WEB = {"term": {"team": "web"}}


def limited(name: str = "masked", query: Any = None, **fields: Any) -> Permission:
    held: dict[str, Any] = {"fields": FieldLimits(**fields)} if fields else {}
    return Permission(name=name, indices=("read",), query=canonical(query) if query else "", **held)


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({}, "hides nothing"),
        ({"grant": ["*"]}, "hides nothing"),
        ({"grant": ["a*"], "hidden": ["b"]}, "only name fields that grant shows"),
        ({"grant": ["a", "b"], "hidden": ["a", "b"]}, "hides all"),
        ({"hidden": ["*"]}, "hides all"),
        ({"grant": ["card", "card.number"], "hidden": ["card"]}, "of which grant names some"),
        ({"hidden": ["_id"]}, "Elasticsearch's own fields"),
        ({"hidden": ["_s*"]}, "Elasticsearch's own fields"),
        ({"grant": ["_own"]}, "with an underscore"),
        ({"hidden": ["/c.*/"]}, "no name of a field"),
        ({"hidden": ["c?"]}, "no name of a field"),
        ({"hidden": ["a,b"]}, "no name of a field"),
        ({"hidden": ["a\u202eb"]}, "no name of a field"),
        ({"hidden": [""]}, "no name of a field"),
        ({"hidden": ["x" * 256]}, "no name of a field"),
        ({"hidden": [f"f{number}" for number in range(51)]}, "at most 50 items"),
    ],
)
def test_fields_that_no_role_could_mean_are_refused(fields: dict[str, Any], why: str) -> None:
    with pytest.raises(ValidationError, match=why):
        FieldLimits(**fields)


def test_a_hidden_field_is_hidden_with_everything_inside_it() -> None:
    assert with_inner(Limits(hidden=("ssn", "card.*"))) == ("ssn", "card.*", "ssn.*")
    assert with_inner(Limits(("person.*",), ("person.ssn",))) == ("person.ssn", "person.ssn.*")
    assert with_inner(Limits(("level",), ("_own",))) == ("_own", "_own.*"), "shown although nobody granted it"
    assert not includes_fields(Limits(("level",), ("_own",)), Limits(("level",)))
    assert without_inner(("ssn", "card.*", "ssn.*")) == ("ssn", "card.*")


@pytest.mark.parametrize(
    ("query", "why"),
    [
        ({}, "one query with one key"),
        ("level:error", "one query with one key"),
        ({**ERRORS, "range": {}}, "one query with one key"),
        ({"match_all": {}}, "limits nothing"),
        ({"template": {"source": ERRORS}}, "is a template"),
        ({"script": {"script": "true"}}, "is a script"),
        ({"has_child": {"type": "a", "query": ERRORS}}, "refused by Elasticsearch"),
        ({"percolate": {"field": "q"}}, "reads other documents"),
        ({"wrapper": {"query": "e30="}}, "hides the query"),
        ({"bool": {"filter": [{"wrapper": {"query": "e30="}}]}}, "hides the query"),
        ({"query_string": {"query": "*"}}, "cannot limit documents"),
        ({"trem": {"a": "b"}}, "did you mean term"),
        ({"x" * 200: {}}, "there is term"),
        ({"terms": {"a": {"index": "i", "id": "1", "path": "p"}}}, "must be written like terms"),
        ({"terms": {"a": []}}, "must be written like terms"),
        ({"term": {"a": "b", "c": "d"}}, "must name one field"),
        ({"term": {"a": None}}, "must be written like term"),
        ({"term": {"a": {"value": "b", "boost": "2"}}}, "must be written like term"),
        ({"range": {"a": {"from": "1"}}}, "must be written like range"),
        ({"range": {"a": {"format": "yyyy"}}}, "must be written like range"),
        ({"range": {"@timestamp": {"gte": "now-24h"}}}, "current time"),
        ({"term": {"@timestamp": "now/d"}}, "current time"),
        ({"terms": {"@timestamp": ["2026", "now"]}}, "current time"),
        ({"match": {"@timestamp": {"query": "now"}}}, "current time"),
        ({"exists": {"field": "a", "boost": "1"}}, "exists must be"),
        ({"bool": {}}, "bool must"),
        ({"bool": {"filter": []}}, "must not be empty"),
        ({"bool": {"filters": [ERRORS]}}, "bool must have"),
        ({"bool": {"filter": [None]}}, "one query with one key"),
        ({"term": {"a": "x" * 2000}}, "more than 2000 characters"),
    ],
)
def test_a_query_that_reads_more_than_a_document_is_refused(query: Any, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        canonical(query)


def test_equal_queries_are_equal_texts() -> None:
    one = canonical({"range": {"n": {"lt": "9", "gte": "1"}}})
    assert one == canonical({"range": {"n": {"gte": "1", "lt": "9"}}}) == '{"range":{"n":{"gte":"1","lt":"9"}}}'
    assert canonical({"bool": {"must": [{"bool": {"filter": ERRORS}}]}}) == canonical(ERRORS)
    assert recognized('{"term": {"level": "error"}}') == canonical(ERRORS)
    assert recognized('{"template": {}}') == '{"template": {}}'
    assert recognized("no json") == "no json"


LEAVES = st.builds(
    lambda field, value: {"term": {field: value}}, st.sampled_from(["a", "b", "ü"]), st.sampled_from(["1", "x"])
)
QUERIES = st.recursive(
    LEAVES,
    lambda inner: st.builds(
        lambda clause, found: {"bool": {clause: found}},
        st.sampled_from(["filter", "must", "should", "must_not"]),
        st.lists(inner, min_size=1, max_size=3),
    ),
    max_leaves=8,
)


@given(QUERIES, QUERIES)
def test_what_holds_for_both_is_included_in_each_and_combining_again_changes_nothing(one: Any, other: Any) -> None:
    held = [Limits(query=canonical(each)) for each in (one, other)]
    both = combined(*held)
    assert canonical(json.loads(both.query)) == both.query
    assert combined(held[0], both) == both == combined(both, both)
    for each in held:
        assert includes_documents(each.query, both.query)
        assert includes_documents("", each.query)
        assert not includes_documents(each.query, "")
    assert in_words(both.query) is None or len(in_words(both.query) or "") <= LONGEST


NAMES = st.sampled_from(["a", "a.b", "a.*", "b", "b*", "c.d.e"])
PATTERNS = st.lists(NAMES, max_size=3, unique=True)
PATHS = ["a", "a.b", "a.b.c", "b", "bb", "b.c", "c", "c.d", "c.d.e", "x"]


def shows(limits: Limits, path: str) -> bool:
    """Whether Elasticsearch shows a field under these limits, by the patterns of a role."""

    def matches(pattern: str) -> bool:
        return path == pattern or (pattern.endswith("*") and path.startswith(pattern[:-1]))

    return any(map(matches, limits.grant or ("*",))) and not any(map(matches, with_inner(limits)))


@given(PATTERNS, PATTERNS, PATTERNS)
def test_hiding_hides_and_what_is_included_is_shown(grant: list[str], hidden: list[str], more: list[str]) -> None:
    try:
        before = hide(Limits(tuple(grant)), hidden)
        after = hide(before, more)
    except InvalidRequest:
        return
    for path in PATHS:
        inside = any(path == each or path.startswith(f"{each.rstrip('*').rstrip('.')}.") for each in more)
        assert not (inside and shows(after, path)), path
        assert shows(before, path) or not shows(after, path), path
    assert includes_fields(before, after)
    if includes_fields(after, before):
        assert all(shows(after, path) == shows(before, path) for path in PATHS)


def test_fields_are_typed_with_commas() -> None:
    assert parse_fields(" ssn, card.*,,ssn ") == ("ssn", "card.*")
    assert parse_fields("") == ()
    for text, why in (("_id", "own fields"), ("*", "hides everything"), ("a?b", "no name"), ("/x/", "no name")):
        with pytest.raises(InvalidRequest, match=why):
            parse_fields(text)
    with pytest.raises(InvalidRequest, match="51 fields are too many"):
        parse_fields(",".join(f"f{number}" for number in range(51)))


def test_what_cannot_be_combined_is_said() -> None:
    with pytest.raises(InvalidRequest, match="No field is left"):
        combined(Limits(("a",)), Limits(("b",)))
    with pytest.raises(InvalidRequest, match="every field"):
        combined(Limits(("a.b",)), Limits(hidden=("a",)))
    with pytest.raises(InvalidRequest, match="is more than it shows"):
        combined(Limits(("a.b*",)), Limits(hidden=("*c",)))
    assert combined(Limits(("a.b", "c")), Limits(hidden=("a",))) == Limits(("c",))
    assert combined(Limits(("a",)), Limits(hidden=("b",))) == Limits(("a",))


@pytest.mark.parametrize(
    ("query", "words"),
    [
        (ERRORS, "level: error"),
        ({"terms": {"level": ["error", "fatal"]}}, "level: error or fatal"),
        ({"range": {"bytes": {"gte": "5", "lt": "10"}}}, "bytes ≥ 5 and < 10"),
        ({"match": {"message": "out of memory"}}, "message has “out of memory”"),
        ({"prefix": {"host": "web-"}}, "host: web-…"),
        ({"exists": {"field": "user"}}, "user is set"),
        ({"term": {"open": True}}, "open: true"),
        ({"bool": {"filter": [ERRORS, WEB]}}, "level: error and team: web"),
        ({"bool": {"should": [ERRORS, WEB]}}, "level: error or team: web"),
        ({"bool": {"must_not": WEB}}, "not (team: web)"),
        ({"bool": {"filter": [ERRORS], "must_not": [WEB]}}, "level: error and not (team: web)"),
        ({"bool": {"filter": [ERRORS, {"bool": {"should": [WEB, ERRORS]}}]}},
         "level: error and (team: web or level: error)"),
        ({"bool": {"should": [ERRORS], "filter": [WEB]}}, None),
        ({"bool": {"should": [ERRORS], "minimum_should_match": "0"}}, None),
        ({"wildcard": {"host": "web-*"}}, None),
        ({"term": {"a": {"value": "b", "case_insensitive": "true"}}}, None),
        ({"range": {"a": {"gte": "1", "format": "yyyy"}}}, None),
        ({"term": {"a": "x" * 400}}, None),
    ],
)  # fmt: skip
def test_a_simple_query_is_said_in_words_and_no_other(query: Any, words: str | None) -> None:
    assert in_words(canonical(query)) == words


def test_what_was_found_in_a_cluster_is_never_said_in_words() -> None:
    assert in_words('{"template": {"source": "x"}}') is None
    assert in_words("no json") is None


def test_a_permission_includes_the_same_with_less_shown_and_not_the_other_way_round() -> None:
    masked, errors = limited(hidden=["ssn"]), limited(query=ERRORS)
    both = limited(query={"bool": {"filter": [ERRORS, WEB]}}, hidden=["ssn", "card.*"])
    for wide, narrow in ((READ, masked), (READ, errors), (masked, both), (errors, both), (both, both)):
        assert wide.includes(narrow)
        assert narrow.includes(wide) is (wide is narrow)
    assert not masked.includes(errors)
    assert not errors.includes(masked)
    assert not limited(query=WEB).includes(errors)


def test_stored_limits_are_restored_and_those_without_are_as_before() -> None:
    held = limited(query=ERRORS, grant=["a.*", "b"], hidden=["a.c"])
    assert Permission.restored("masked", held.stored()).limits == held.limits
    assert Permission.restored("masked", held.stored()).stored() == held.stored()
    assert held.stored()["fields"] == {"grant": ["a.*", "b"], "except": ["a.c"]}
    assert READ.limits == NO_LIMITS
    assert not {"fields", "query"} & READ.stored().keys()


def test_to_deny_reading_denies_limited_reading_and_to_deny_that_denies_all_reading() -> None:
    masked = limited(hidden=["ssn"])
    assert masked.is_denied_by(READ)
    assert READ.is_denied_by(masked)
    assert not masked.is_denied_by(PERMISSIONS[1])


@pytest.mark.parametrize("privilege", ["write", "delete", "manage", "all", "read_failure_store", "view_nothing"])
def test_limits_go_together_with_reading_alone(privilege: str) -> None:
    written = Permission(name="x", indices=("read", privilege), fields=FieldLimits(hidden=("ssn",)))
    with pytest.raises(ValidationError, match=r"limits read, .* alone"):
        Policy(integrations=(PRODUCTION,), permissions=(READ, written), access_flows=(AccessFlow(name="a"),))
    dangerous = Permission(name="x", indices=("read",), run_as=("bob",), query=canonical(ERRORS))
    assert not dangerous.may_be_limited
    assert limited(query=ERRORS).may_be_limited


@pytest.mark.parametrize(
    ("given", "guarded", "undercuts"),
    [
        ("masked", "read", False),
        ("read", "masked", True),
        ("masked", "errors", True),
    ],
)  # fmt: skip
def test_to_give_a_part_of_the_data_with_less_demanded_undercuts_nothing(
    given: str, guarded: str, undercuts: bool
) -> None:
    policy = Policy(
        integrations=(PRODUCTION,),
        permissions=(READ, limited("masked", hidden=["ssn"]), limited("errors", ERRORS)),
        access_flows=(
            AccessFlow(name="strict", permissions=(guarded,), approvals=2),
            AccessFlow(name="easy", permissions=(given,), approve="rule"),
        ),
    )
    assert bool(list(find_undercuts(policy))) is undercuts


def test_the_time_of_a_query_is_read_back_from_it() -> None:
    at = datetime(2026, 11, 30, 10, 45, 59, tzinfo=UTC)
    query = since(at)
    assert query == '{"range":{"@timestamp":{"format":"strict_date_optional_time","gte":"2026-11-30T10:45Z"}}}'
    assert time_of(query) == at.replace(second=0)
    assert time_of(canonical(ERRORS)) is None


def test_two_accesses_with_different_limits_show_more_in_one_role_than_each_by_itself() -> None:
    masked, errors = limited(hidden=["ssn"]), limited(query=ERRORS)
    both = limited(query=ERRORS, hidden=["ssn"])
    assert show_more_together(masked, ["logs-*"], errors, ["*-web"])
    assert not show_more_together(masked, ["logs-*"], errors, ["metrics-*"])
    for one, other in ((READ, masked), (masked, masked), (both, errors), (READ, READ)):
        assert not show_more_together(one, ["logs-*"], other, ["logs-*"])
    assert show_more_together(Permission(name="see", indices=("monitor",)), ["*"], masked, ["logs-web"])
