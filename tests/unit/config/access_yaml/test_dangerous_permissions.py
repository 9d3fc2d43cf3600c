"""Cluster privileges, run_as and system indices in `access.yaml`, and the kinds and ways of credentials."""

from datetime import UTC, datetime, timedelta

import pytest
from jsonschema import Draft202012Validator
from pydantic import ValidationError

from bot.access.models.columns import CredentialKind, Delivery
from bot.access.policy.access_flow import AccessFlow
from bot.access.policy.decision import Question, Verdict, decide
from bot.access.policy.model import Permission, Policy
from bot.config.access_yaml.schema import schema
from tests.fakes import PRODUCTION
from tests.unit.config.access_yaml.test_reader import GOOD, refused, taken
from tests.unit.config.access_yaml.test_schema import loaded

VALIDATOR = Draft202012Validator(schema())

DANGERS = ("cluster: [monitor]", "run_as: [bob]", "restricted_indices: true")

SAID = "    dangerous: true\n    max"


def with_danger(danger: str) -> str:
    return GOOD.replace("    kibana", f"    {danger}\n    kibana")


@pytest.mark.parametrize("danger", DANGERS)
def test_a_danger_is_refused_at_each_flow_that_does_not_say_so(danger: str) -> None:
    text = with_danger(danger).replace(
        "pending_duration", "  - name: other\n    permissions:\n      - discover\npending_duration"
    )
    key = danger.partition(":")[0]
    sentence = f"permissions: one of them has {key}, which reaches further than indices."
    assert [(line, words.partition(" If ")[0]) for line, words in refused(text)] == [(18, sentence), (23, sentence)]
    assert not refused(text.replace("    max", SAID).replace("- name: other", "- name: other\n    dangerous: yes"))


@pytest.mark.parametrize("danger", DANGERS)
def test_a_danger_is_taken_where_its_flow_says_so(danger: str) -> None:
    text = with_danger(danger).replace("    max", SAID)
    assert taken(text).policy.permission("discover").dangerous
    VALIDATOR.validate(loaded(text))


@pytest.mark.parametrize("danger", ["cluster: []", "run_as: []", "restricted_indices: false"])
def test_none_of_it_is_no_danger(danger: str) -> None:
    assert not taken(with_danger(danger)).policy.permission("discover").dangerous


def test_a_flow_that_denies_or_offers_something_else_need_not_say_so() -> None:
    text = with_danger("cluster: [monitor]").replace("[read, discover]", "[read]")
    assert not refused(text)
    assert not refused(with_danger("cluster: [monitor]").replace("    max", "    deny: true\n    max"))


WRONG = [
    ("cluster: [monitr]", "cluster: is no cluster privilege that can be given: did you mean monitor?"),
    ("cluster: [none]", "cluster: is no cluster privilege that can be given"),
    ("cluster: ['cluster:monitor/main']", "cluster: is the name of an action: write a privilege, such as monitor"),
    ("cluster: monitor", "cluster: must be a list"),
    ("run_as: ['*']", "run_as: is no name of one Elasticsearch user: write each name, without * and ?"),
    ("run_as: ['bo?']", "run_as: is no name of one Elasticsearch user"),
    ("run_as: ['/.*/']", "run_as: is no name of one Elasticsearch user"),
    ("run_as: ['é']", "run_as: is no name of one Elasticsearch user"),
    ("run_as: [a, b, c, d, e, f, g, h, i, j, k]", "run_as: has more than 10 of them"),
    ("restricted_indices: maybe", "restricted_indices: must be true or false"),
]


@pytest.mark.parametrize(("danger", "words"), WRONG)
def test_what_is_wrong_with_a_danger_is_named_with_its_line(danger: str, words: str) -> None:
    text = with_danger(danger).replace("    max", SAID)
    assert any(line == 14 and sentence.startswith(words) for line, sentence in refused(text)), refused(text)
    assert not VALIDATOR.is_valid(loaded(text))


@pytest.mark.parametrize(
    ("key", "words"),
    [
        ("credentials: [key]", "credentials: must be own_account, password or api_key"),
        ("credentials: []", "credentials: must not be empty"),
        ("delivery: mail", "delivery: must be message or reveal"),
        ("dangerous: maybe", "dangerous: must be true or false"),
    ],
)
def test_what_is_wrong_with_credentials_is_named_with_its_line(key: str, words: str) -> None:
    text = GOOD.replace("    max", f"    {key}\n    max")
    assert refused(text) == [(18, words)]
    assert not VALIDATOR.is_valid(loaded(text))


def test_kinds_and_delivery_are_taken_as_they_are_written() -> None:
    text = GOOD.replace("    max", "    credentials: [api_key]\n    delivery: reveal\n    max")
    (flow,) = taken(text).policy.access_flows
    assert (flow.credentials, flow.delivery) == ((CredentialKind.API_KEY,), Delivery.REVEAL)
    VALIDATOR.validate(loaded(text))
    (usual,) = taken(GOOD).policy.access_flows
    assert (usual.credentials, usual.delivery) == (tuple(CredentialKind), Delivery.MESSAGE)


def test_days_of_cleanup_reach_the_policy() -> None:
    assert taken(GOOD).policy.integrations[0].user_cleanup_days == 7


def test_the_policy_itself_refuses_what_a_file_would_be_refused_for() -> None:
    permission = Permission(name="x", indices=("read",), cluster=("monitor",))
    with pytest.raises(ValidationError, match="x is dangerous"):
        Policy(
            integrations=(PRODUCTION,),
            permissions=(permission,),
            access_flows=(AccessFlow(name="a", permissions=("x",)),),
        )


def test_to_deny_a_dangerous_permission_denies_what_holds_all_of_it_and_not_what_reads() -> None:
    read = Permission(name="read", indices=("read",))
    watch = Permission(name="watch", indices=("read",), cluster=("monitor",))
    everything = Permission(name="all", indices=("read", "write"), cluster=("monitor", "manage"), run_as=("bob",))
    policy = Policy(
        integrations=(PRODUCTION,),
        permissions=(read, watch, everything),
        access_flows=(
            AccessFlow(name="no", deny=True, permissions=("watch",)),
            AccessFlow(name="yes", permissions=("read", "watch", "all"), dangerous=True),
        ),
    )

    def allowed(permission: Permission) -> bool:
        hour, now = timedelta(hours=1), datetime(2026, 11, 24, 12, tzinfo=UTC)
        return (
            decide(policy, Question(PRODUCTION, ("a",), permission, hour, "", now), lambda _: True).verdict
            is Verdict.ALLOWED
        )

    assert allowed(read)
    assert not allowed(watch)
    assert not allowed(everything)
