"""`access.yaml`: taken as it is meant, and all that is wrong is named at once, with its line and without its value."""

import time
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from bot.access.policy.model import PERMISSIONS
from bot.cluster.client import ClusterConnection
from bot.config.access_yaml import PolicyFileError, parse, read
from bot.config.access_yaml.reader import LARGEST_BYTES
from bot.config.configuration import Configuration, Upkeep

PASSWORD = "password-of-the-connector"
VARIABLES = {"ES_PASSWORD": PASSWORD, "EMPTY": ""}

CANARY = "canary7f3a"
"""Stands where values are, and must stand in no sentence."""

GOOD = """\
integrations:
  - name: production
    url: https://es.example.com:9200/
    username: es-access-connector
    password: env:ES_PASSWORD
    owner: alice@example.com, @owners
    resource_owner: owner
    access_details: "{url} as {username}"
    credential_rotation_days: 30
    user_cleanup_days: 7
permissions:
  - name: discover
    indices: [read]
    kibana: [feature_discover.read]
access_flows:
  - name: everyone
    permissions: [read, discover]
    max_duration: 8h
    when: {days: [mon], since: 22:00, until: 06:00, time_zone: Europe/Paris}
pending_duration: 1d
"""


def taken(text: str) -> Configuration:
    return parse(text.encode(), VARIABLES)


def refused(text: str | bytes) -> list[tuple[int, str]]:
    """The problems of the text; none if it is accepted."""
    try:
        parse(text.encode() if isinstance(text, str) else text, VARIABLES)
    except PolicyFileError as error:
        assert error.problems, "refused without a word"  # noqa: PT017 (of the code under test)
        return [(each.line, each.sentence) for each in error.problems]
    return []


@pytest.mark.parametrize(
    ("written", "read"),
    [("true", True), ("false", False), ('"@leads"', ("@leads",)), ("[a@b.de, U012ABCDEF]", ("a@b.de", "U012ABCDEF"))],
)
def test_who_may_ask_for_others_is_everybody_nobody_or_some(written: str, read: object) -> None:
    (flow,) = taken(GOOD.replace("    max", f"    for_others: {written}\n    max", 1)).policy.access_flows
    assert flow.for_others == read


def test_limits_for_people_are_taken() -> None:
    policy = taken(GOOD + "pending_per_person: 3\nrequests_per_hour: 7\n").policy
    assert (policy.pending_per_person, policy.requests_per_hour) == (3, 7)


def test_a_good_file_is_taken_as_it_is_written() -> None:
    found = taken(GOOD)
    integration = found.policy.integrations[0]
    assert integration.owner == ("alice@example.com", "@owners")
    assert (integration.public_url, integration.resource_owner) == ("https://es.example.com:9200", "owner")
    (connection,) = found.connections.values()
    assert connection.password.get_secret_value() == PASSWORD
    assert found.upkeep == {"production": Upkeep(30, 7)}
    assert [each.name for each in found.policy.permissions] == ["read", "write", "manage", "discover"]
    assert found.policy.permission("discover").kibana == ("feature_discover.read",)
    assert found.policy.pending_for == timedelta(days=1)
    assert found.policy.access_flows[0].max_duration == timedelta(hours=8)


def test_a_time_without_quotes_is_a_time_and_no_number() -> None:
    when = taken(GOOD).policy.access_flows[0].when
    assert when is not None
    assert (when.since.hour, when.until.hour) == (22, 6)


def test_the_shortest_file_has_the_built_in_permissions_and_defaults() -> None:
    found = taken("""
integrations:
  - {name: es, cloud_id: "x:ZXUuZXhhbXBsZS5jb20kYWJj", username: c, password: env:ES_PASSWORD, owner: U012ABCDEF}
access_flows: [{name: all}]
""")
    assert found.policy.permissions == PERMISSIONS
    assert found.policy.pending_for == timedelta(hours=8)
    assert found.policy.integrations[0].public_url == "https://abc.eu.example.com"
    assert isinstance(found.connections["es"], ClusterConnection)


def test_several_clusters_have_a_connection_each() -> None:
    second = GOOD.replace("permissions:\n  - name: d", "  - {name: staging, url: 'http://s:9200', username: c, "
                          "password: env:ES_PASSWORD, owner: '@o'}\npermissions:\n  - name: d")  # fmt: skip
    assert list(taken(second).connections) == ["production", "staging"]


WRONG = {
    "unknown key at the top": ("access_flows:", "acess_flows:", 15, "unknown key acess_flows: did you mean access_flo"),
    "unknown key of an integration": ("    owner:", "    ownr:", 6, "unknown key ownr: did you mean owner?"),
    "unknown key of hours": ("days: [mon]", "day: [mon]", 19, "unknown key day: did you mean days?"),
    "unknown key like nothing": ("pending_duration:", "xyz:", 20, "unknown key xyz"),
    "missing key": ("    username: es-access-connector\n", "", 2, "username: is missing"),
    "a user without a password": ("    password: env:ES_PASSWORD\n", "", 2, "password: is missing"),
    "no way to sign in": (
        "    username: es-access-connector\n    password: env:ES_PASSWORD\n", "", 2,
        "username with password, api_key or client_certificate: none is there",
    ),
    "a key and a password": (
        "    owner:", "    api_key: env:ES_PASSWORD\n    owner:", 6, "api_key: takes the place of user and password",
    ),
    "a plain key": ("username: es-access-connector\n    password: env:ES_PASSWORD", "api_key: hunter2", 4, "write"),
    "a key that is not set": (
        "username: es-access-connector\n    password: env:ES_PASSWORD", "api_key: env:OTHER", 4, "api_key: the",
    ),
    "a private key alone": (
        "    owner:", "    client_key: /etc/passwd\n    owner:", 6, "client_key: needs its client_certificate",
    ),
    "resource owner alone": ('    owner: alice@example.com, @owners\n', "", 6, "resource_owner: needs an owner"),
    "where owners are, and no key": ("resource_owner: owner", "owners_from: template", 7, "without resource_owner"),
    "owners from elsewhere": ("    resource", "    owners_from: alias\n    resource", 7, "owners_from: "),
    "a plain password": ("env:ES_PASSWORD", "hunter2", 5, "write env:NAME_OF_THE_VARIABLE"),
    "a variable that is not set": ("env:ES_PASSWORD", "env:OTHER", 5, "password: the environment variable OTHER is"),
    "a password behind env": ("env:ES_PASSWORD", "env:Hunter2", 5, "password: the environment variable of this name"),
    "a variable that is empty": ("env:ES_PASSWORD", "env:EMPTY", 5, "password: the environment variable EMPTY is"),
    "another scheme": ("env:ES_PASSWORD", "vault:secret/es", 5, "write env:NAME_OF_THE_VARIABLE"),
    "url with a password": ("https://es", "https://u:p@es", 3, "url: must be like https://HOST:PORT"),
    "url and cloud id": ("    username", "    cloud_id: x:YSRi\n    username", 4, "there is a url as well"),
    "neither url nor cloud id": ("    url: https://es.example.com:9200/\n", "", 2, "neither is there"),
    "a broken cloud id": ("url: https://es.example.com:9200/", "cloud_id: x:y", 3, "cloud_id: is no Cloud ID"),
    "a nameless cloud id": (
        "url: https://es.example.com:9200/", "cloud_id: YSRi", 3, "cloud_id: must be NAME:CODE with one colon",
    ),
    "a url with a query": ("es.example.com:9200/", "es.example.com:9200/?pretty", 3, "url: must end with the host"),
    "a user with a colon": ("es-access-connector", "a:b", 4, "username: is no name of an Elasticsearch user"),
    "no such file": ("    username", "    ca_certs: /no/such/file\n    username", 4, "ca_certs: names no file"),
    "a name with a space": ("production", "pro duction", 2, "name: must be letters, digits and hyphens"),
    "no owner": ('alice@example.com, @owners', "alice", 6, "owner: is no Slack user id"),
    "nobody as owner": ('alice@example.com, @owners', "','", 6, "owner: must not be empty"),
    "rotation after no days": ("rotation_days: 30", "rotation_days: 0", 9, "must be 1 or more"),
    "cleanup in half a day": ("cleanup_days: 7", "cleanup_days: 0.5", 10, "must be a whole number"),
    "an unknown placeholder": ("{username}", "{password}", 8, "none of {url} {username} {expiry} {patterns}"),
    "a brace by itself": ("{username}", "}", 8, "access_details: a brace that begins or ends none of"),
    "long details": ("{username}", "x" * 400, 8, "access_details: has more than 400 characters"),
    "a permission built in": ("name: discover", "name: Read", 12, "name: is built in"),
    "no index privilege": ("[read]", "[raed]", 13, "no index privilege of Elasticsearch: did you mean read?"),
    "an action": ("[read]", "['indices:data/read/search']", 13, "indices: is the name of an action"),
    "all of Kibana": ("feature_discover.read", "all", 14, "kibana: all of Kibana is not given"),
    "no Kibana privilege": ("feature_discover.read", "discover", 14, "kibana: is no Kibana privilege"),
    "an unknown permission": ("[read, discover]", "[read, discovr]", 17, "none of this name: did you mean discover?"),
    "an unknown cluster": ("    max", "    integrations: [prod]\n    max", 18, "integrations: there is none"),
    "no duration": ("8h", "8 hours", 18, "max_duration: is no duration"),
    "a system index": ("    max", "    patterns: [.security]\n    max", 18, "patterns: I cannot give access"),
    "a text for a list": ("    max", "    patterns: logs-*\n    max", 18, "patterns: must be a list"),
    "no whole number": ("    max", "    approvals: two\n    max", 18, "approvals: must be a whole number"),
    "true for a number": ("    max", "    approvals: true\n    max", 18, "approvals: must be a whole number"),
    "no channel": ("    max", "    channel: approvals\n    max", 18, "channel: is no channel: write #name"),
    "extensions by nobody": ("    max", "    extend: nobody\n    max", 18, "extend: must be owners or rule"),
    "fewer than no extensions": ("    max", "    max_extensions: -1\n    max", 18, "max_extensions: must be 0 or more"),
    "a total below one": ("    max", "    max_total: 1h\n    max", 16, "max_total is shorter than max_duration"),
    "somebody who is no owner": ("    max", "    for_others: ada\n    max", 18, "for_others: "),
    "nobody may wait": ("pending_dur", "pending_per_person: 0\npending_dur", 20, "must be 1 or more"),
    "no number of requests": ("pending_dur", "requests_per_hour: many\npending_dur", 20, "must be a whole number"),
    "too many approvals": ("    max", "    approvals: 11\n    max", 18, "approvals: must be 10 or less"),
    "maybe": ("    max", "    deny: maybe\n    max", 18, "deny: must be true or false"),
    "a word too much": ("    max", "    approve: nobody\n    max", 18, "approve: must be owners or rule"),
    "no owners": ("    max", "    owners: nobody\n    max", 18, "(owners is resource or integration, or owners)"),
    "no requesters": ("    max", "    requesters: nobody\n    max", 18, "(requesters is everyone, or owners)"),
    "one bad owner": ("    max", "    owners:\n      - U012ABCDEF\n      - bob\n    max", 20, "owners: is no Slack"),
    "no expression": ("    max", "    reason_pattern: '('\n    max", 18, "reason_pattern: is no regular expression"),
    "a dangerous expression": (
        "    max", "    reason_pattern: '(?=.*INC)'\n    max", 18,
        "reason_pattern: cannot be matched in a bounded time: leave out look-around",
    ),
    "nothing below it": ("    max", "    escalation: soon\n    max", 18, "escalation: must have keys below it"),
    "automatic for everyone": ("    max", "    automatic: true\n    max", 16, "an automatic flow needs requesters"),
    "no day": ("[mon]", "[monday]", 19, "days: must be mon, tue, wed, thu, fri, sat or sun"),
    "a time with a zone": ("06:00", "06:00Z", 19, "until: must be a time, written like 09:00"),
    "no time zone": ("Europe/Paris", "Mars/Base", 19, "time_zone: is no time zone"),
    "a key given twice": ("pending_duration: 1d", "permissions: []", 20, "the same key stands on line 11 already"),
    "a tab": ("    indices", "\tindices", 13, "a tab: indent with spaces"),
    "a group without quotes": ("    max", "    owners: @group\n    max", 18, "begins with @, % or ` must be in quotes"),
    "a star without quotes": ("    max", "    patterns: [*]\n    max", 18, "begins with * or & must be in quotes"),
    "an anchor": ("name: everyone", "name: &x everyone", 16, "anchors and aliases are not read"),
    "a tag": ("name: everyone", "name: !!str everyone", 16, "tags are not read"),
    "a key that is a list": ("pending_duration: 1d", "[a]: 1d", 20, "a key must be a word"),
    "a quote that is open": ("name: everyone", "name: 'everyone", 16, "a quote that is not closed"),
    "a colon too much": ("name: everyone", "name: every: one", 16, "a colon where no key can be"),
    "no key": ("pending_duration: 1d", "pending_duration", 20, "is no “key: value”"),
    "a bracket that is open": ("[read, discover]", "[read, discover", 18, "a bracket or brace that is not closed"),
    "a second document": ("pending_duration: 1d", "---", 20, "begins a second document"),
    "a key without a value": ("pending_duration: 1d", "permissions2:", 20, "unknown key: did you mean permissions?"),
}  # fmt: skip
"""A line of the good file, its replacement, and the line number and words of the refusal."""


@pytest.mark.parametrize("case", WRONG)
def test_what_is_wrong_is_named_with_its_line(case: str) -> None:
    before, after, line, words = WRONG[case]
    assert before in GOOD
    problems = refused(GOOD.replace(before, after, 1))
    assert any(place == line and words in sentence for place, sentence in problems), problems


def test_everything_that_is_wrong_is_named_at_once_in_the_order_of_lines() -> None:
    text = GOOD
    chosen = ["a plain password", "no owner", "no index privilege", "an unknown permission", "no duration", "no day"]
    for case in chosen:
        text = text.replace(*WRONG[case][:2], 1)
    assert [line for line, _ in refused(text)] == [5, 6, 13, 17, 18, 19]


def test_a_name_that_stands_twice_is_named_with_the_first() -> None:
    flow = "  - name: everyone\n"
    assert refused(GOOD.replace(flow, flow + "  - name: Everyone\n")) == [(17, "name: stands on line 16 already")]


VALUE_KEYS = ["name", "url", "username", "password", "owner", "access_details", "indices", "permissions",
              "max_duration", "when", "pending_duration", "user_cleanup_days"]  # fmt: skip
SHAPES = ["{0}", "'{0}", "[{0}]", "{{{0}}}", "{{{0}: {0}}}", "*{0}", "&{0} x", "!{0} x", "@{0}", "{0}: {0}", "{0}\n{0}",
          "env:{0}", '"\\q{0}"', "!{0}!x y"]  # fmt: skip


@pytest.mark.parametrize("key", VALUE_KEYS)
@pytest.mark.parametrize("shape", SHAPES)
def test_no_value_is_repeated(key: str, shape: str) -> None:
    lines = [
        f"{line.partition(':')[0]}: {shape.format(CANARY)}" if line.lstrip(" -").startswith(f"{key}:") else line
        for line in GOOD.splitlines()
    ]
    assert CANARY in "".join(lines)
    assert not any(CANARY in sentence for _, sentence in refused("\n".join(lines)))


@pytest.mark.parametrize(
    ("content", "line", "words"),
    [
        (b"", 1, "is empty"),
        (b"# a remark\n", 1, "is empty"),
        (b"- a\n- b\n", 1, "must have keys"),
        (b"just a text", 1, "must have keys"),
        (b"\n\nnull", 3, "must have keys"),
        (b"integrations: []\naccess_flows: []\n", 1, "integrations: must not be empty"),
        (b"a: 1\nb: \xff\n", 2, "is not written in UTF-8"),
        (b"a: 1\nb: \x00\n", 2, "holds a character that YAML does not allow"),
        (b'a: "\\UFFFFFFFF"', 1, "holds a number that is far too large"),
        (b'a: "\\ud800"', 1, "holds a half character"),
        (b"%YAML 9.0\n---\na: 1", 1, "is no YAML"),
    ],
)
def test_a_file_that_is_no_such_file_is_refused(content: bytes, line: int, words: str) -> None:
    problems = refused(content)
    assert any(place == line and words in sentence for place, sentence in problems), problems


def test_what_would_grow_or_nest_without_end_is_refused_at_once() -> None:
    bomb = "a: &a [x, x]\n" + "\n".join(f"{n}: &{n} [*{p}, *{p}]" for p, n in zip("abcdefg", "bcdefgh", strict=True))
    began = time.perf_counter()
    assert all("must be in quotes" in sentence or "unknown key" in sentence for _, sentence in refused(bomb)[:3])
    assert refused("[" * 500_000) == [(1, "is nested in more than 16 others")]
    assert refused("{a: " * 200_000) == [(1, "is nested in more than 16 others")]
    assert refused(b"#" * (LARGEST_BYTES + 1)) == [(1, "the file: is larger than 1 MiB")]
    assert time.perf_counter() - began < 5


def test_a_file_that_cannot_be_read_is_a_problem(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "missing.yaml"):
        with pytest.raises(PolicyFileError, match="the file cannot be read"):
            read(path, VARIABLES)


def test_a_file_is_read_with_a_byte_order_mark_and_windows_line_ends(tmp_path: Path) -> None:
    file = tmp_path / "access.yaml"
    file.write_bytes(b"\xef\xbb\xbf" + GOOD.replace("\n", "\r\n").encode())
    assert read(file, VARIABLES).policy == taken(GOOD).policy


FRAGMENTS = ["integrations:", "access_flows:", "permissions:", "\n", "\n  ", "\n  - ", "- ", ": ", "name: x", "[", "]",
             "{", "}", "*", "&a", "*a", "!!str", "|", ">-", "'", '"', "\\", "#", "---", "...", "? ", "<<", "@g", "null",
             "env:ES_PASSWORD", "owner: ", "22:00", "1e9", "\t", "%", "\u2028", "é", "\x85", "7d", "requesters: ",
             "\\U99999999", "when: ", "literal['everyone']: ", "true"]  # fmt: skip

anything = st.text(st.characters(exclude_categories=["Cs"]), max_size=40).map(str.encode)
yaml_like = st.lists(st.sampled_from(FRAGMENTS), max_size=25).map(lambda parts: "".join(parts).encode())
values = st.one_of(
    st.text(st.characters(exclude_categories=["Cs"]), max_size=20),
    st.lists(st.sampled_from(FRAGMENTS), max_size=4).map("".join),
    st.from_regex(r"[(\[{)\]}*+?|\\^$a0-9-]{1,12}"),
)
SHORT = """\
integrations: [{name: es, url: "http://e:9", username: c, password: env:ES_PASSWORD, owner: "@o"}]
access_flows:
  - name: all
"""
KEYS = ("requesters", "patterns", "max_duration", "reason_pattern", "owners", "approvals", "when", "escalation")
one_value = st.builds(lambda key, value: f"{SHORT}    {key}: {value}".encode(), st.sampled_from(KEYS), values)
quoted = st.builds(lambda key, value: f"{SHORT}    {key}: {value!r}".encode(), st.sampled_from(KEYS), values)


@settings(max_examples=5000)
@given(st.one_of(anything, st.binary(max_size=30), yaml_like, one_value, quoted))
@example(SHORT.encode())
@example(f"{SHORT}    reason_pattern: 'a{{99999999999}}'".encode())
@example(f"{SHORT}    reason_pattern: '{'(' * 3000}'".encode())
@example(f"{SHORT}    reason_pattern: '[[a]'".encode())
@example(f"{SHORT}    approvals: {'9' * 5000}".encode())
@example(b"%YAML " + b"9" * 5000 + b".1\n---\n")
def test_no_text_ends_in_anything_but_a_configuration_or_its_problems(content: bytes) -> None:
    problems = refused(content)
    last = sum(content.count(each) for each in (b"\n", b"\r", b"\xc2\x85", b"\xe2\x80")) + 1
    assert all(1 <= line <= last for line, _ in problems)
    assert problems or parse(content, VARIABLES).policy.access_flows
