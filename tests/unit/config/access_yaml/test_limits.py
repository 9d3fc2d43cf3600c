"""Fields and queries of permissions in `access.yaml`, and in its schema."""

import pytest
from jsonschema import Draft202012Validator

from bot.access.models.limits import Limits
from bot.config.access_yaml.schema import schema
from tests.unit.config.access_yaml.test_reader import GOOD, refused, taken
from tests.unit.config.access_yaml.test_schema import loaded

VALIDATOR = Draft202012Validator(schema())


def with_limits(*lines: str) -> str:
    return GOOD.replace("    kibana", "".join(f"    {each}\n" for each in lines) + "    kibana")


LINE = with_limits("x: y").splitlines().index("    x: y") + 1


def test_fields_and_query_are_taken_as_they_are_written() -> None:
    text = with_limits(
        "fields: {grant: [message, card.*], except: [card.number]}",
        "query: {bool: {filter: [{term: {level: error}}, {range: {'@timestamp': {gte: 2026-11-01}}}]}}",
    )
    query = '{"bool":{"filter":[{"term":{"level":"error"}},{"range":{"@timestamp":{"gte":"2026-11-01"}}}]}}'
    held = taken(text).policy.permission("discover")
    assert held.limits == Limits(("message", "card.*"), ("card.number",), query)
    VALIDATOR.validate(loaded(text))


@pytest.mark.parametrize(
    ("written", "words"),
    [
        ("fields: [ssn]", "fields: must have keys below it"),
        ("fields: {}", "fields: hides nothing: name what to show under grant, or what to hide under except"),
        ("fields: {grants: [a]}", "unknown key grants: did you mean grant?"),
        ("fields: {excepts: [a]}", "unknown key excepts: did you mean except?"),
        ("fields: {except: [_id]}", "except: is one of Elasticsearch's own fields"),
        ("query: {range: {t: {gte: now-1d}}}", "query: the current time (now) is refused by Elasticsearch"),
        ("fields: {grant: [a], except: [b]}", "fields: except may only name fields that grant shows"),
        ("query: level", "query: must be one query with one key"),
        ("query: {template: {source: x}}", "query: template is a template"),
        ("query: {trem: {a: b}}", "query: holds a kind of query that cannot limit documents here: did you mean term?"),
        ("query: {terms: {a: {index: i, id: x, path: p}}}", "query: terms must be written like terms: {level: [error"),
        (f"query: {{term: {{a: {'x' * 2000}}}}}", "query: has more than 2000 characters as JSON"),
    ],
)
def test_what_is_wrong_with_limits_is_named_with_its_line(written: str, words: str) -> None:
    ((line, said), *_) = refused(with_limits(written))
    assert line == LINE
    assert said.startswith(words)


@pytest.mark.parametrize("key", ["fields: {except: [ssn]}", "query: {term: {level: error}}"])
@pytest.mark.parametrize("more", ["cluster: [manage]", "run_as: [bob]", "restricted_indices: true", "write"])
def test_limits_stand_beside_reading_alone(key: str, more: str) -> None:
    text = with_limits(key)
    if more == "write":
        text = text.replace("indices: [read", "indices: [write, read")
        assert text != with_limits(key)
    else:
        text = text.replace("    kibana", f"    {more}\n    kibana").replace("    max", "    dangerous: true\n    max")
    ((line, said),) = refused(text)
    assert line == LINE
    assert "limits read, read_cross_cluster, view_index_metadata and monitor alone. " in said


def test_a_deep_query_is_read_and_a_deeper_one_refused() -> None:
    def nested(levels: int) -> str:
        return with_limits("query: " + "{bool: {filter: " * levels + "{term: {a: b}}" + "}}" * levels)

    assert taken(nested(4)).policy.permission("discover").query == '{"term":{"a":"b"}}'
    assert "is nested in more than" in refused(nested(8))[0][1]
