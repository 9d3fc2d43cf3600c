"""`bot check` with an `access.yaml`: its problems, owners and flows, and the owners in the cluster."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from bot.access.policy.access_flow import AccessFlow
from bot.access.policy.model import Integration, Policy
from bot.checks.policy import covering, described
from bot.sandbox.node import Node
from tests.scenario.newcomer import Newcomer, arrived, silent

FLOWS = """
access_flows:
  - name: on call
    requesters: "@data-owners"
    patterns: ["logs-*"]
    max_duration: 2h
    approve: rule
  - name: two of us
    patterns: ["metrics-*", "logs-*"]
    permissions: [read, write]
    owners: [bob@example.com, carol@example.com]
    approvals: 2
    reason: required
    escalation: {after: 30m, to: dave@example.com}
  - name: rest
"""


@pytest.fixture
def newcomer(node: Node, tmp_path: Path) -> Iterator[Newcomer]:
    """With these flows; `bob` is the integration owner."""
    with arrived(node, tmp_path, policy=lambda _: FLOWS) as ready:
        yield ready


def test_every_owner_and_every_flow_has_a_line(newcomer: Newcomer) -> None:
    found = newcomer.check()
    assert found.code == 0, found.text
    assert [line for line in found.text.splitlines() if line.startswith(("ok    owner ", "ok    flow "))] == [
        "ok    owner bob@example.com: 1 person (elasticsearch > owner; two of us > owners)",
        "ok    owner @data-owners: 1 person (on call > requesters)",
        "ok    owner carol@example.com: 1 person (two of us > owners)",
        "ok    owner dave@example.com: 1 person (two of us > escalation > to)",
        "ok    flow “on call”: @data-owners may ask for read on logs-*, up to 2h, approved by rule",
        "ok    flow “two of us”: everyone may ask for read, write on metrics-*, logs-*, up to 7d, with a reason,"
        " approved by 2 of bob@example.com, carol@example.com",
        "ok    flow “rest”: everyone may ask for read on *, up to 7d, approved by an owner of each resource",
    ]
    assert "access.yaml > elasticsearch > owner" in found.fix("warn  owners: 1 person may approve")
    example = found.fix("warn  flow “rest”: undercuts “two of us”: others than bob@example.com, carol@example.com are")
    assert "An example, typed by anybody: /es-access metrics-* 1h" in example


def test_a_flow_that_writes_by_key_is_told_what_its_end_does_not_stop(newcomer: Newcomer) -> None:
    two = "    approvals: 2\n"
    newcomer.write(lambda text: text.replace(two, f"{two}    credentials: [api_key, password]\n"))
    found = newcomer.check()
    fix = found.fix("warn  flow “two of us”: gives write as an API key, whose end does not stop a _bulk that is open")
    assert "Name password first in `credentials`" in fix


def test_what_a_deny_leaves_open_and_a_strict_file_are_said(newcomer: Newcomer) -> None:
    deny = "access_flows:\n  - {name: no writes, deny: true, patterns: ['logs-*'], permissions: [write]}\n"
    newcomer.write(lambda text: text.replace("access_flows:\n", deny))
    found = newcomer.check()
    assert found.line("ok    flow “no writes”: on logs-*, read stays open, by “on call”, “two of us”, “rest”")
    newcomer.write(lambda text: text + "strict: true\n")
    assert newcomer.check().line("FAIL  settings: access.yaml:24: strict: the flow “")


def test_who_can_write_owners_without_one_is_named_and_since_when_owners_are_remembered(newcomer: Newcomer) -> None:
    newcomer.write(
        lambda text: (
            text.replace("    max_duration: 2h", "    permissions: [read, write]\n    max_duration: 2h")
            + "    permissions: [read, manage]\n"
        )
    )
    found = newcomer.check()
    assert "owners_from: template" in found.fix(
        "warn  flow “on call”: write can change who owns an index, and it is given without an approval"
    )
    assert found.line("warn  flow “rest”: manage can change who owns an index, and everyone may ask for it")
    assert found.line("ok    remembered owners: from the first start on")
    newcomer.write(
        lambda text: text.replace("resource_owner: owner", "resource_owner: owner\n    owners_from: template")
    )
    found = newcomer.check()
    assert "can change who owns" not in found.text
    assert found.line("ok    remembered owners: not needed")


def test_a_broken_file_is_named_by_its_lines_and_the_rest_is_tried(newcomer: Newcomer) -> None:
    newcomer.write(lambda text: text.replace("max_duration: 2h", "max_duration: soon").replace("owners: [", "owner: ["))
    found = newcomer.check(HEALTH_PORT="none")
    assert (found.code, found.text.splitlines()[-1]) == (1, "3 problems.")
    assert f"Correct it in {newcomer.stage.app.access_config}" in found.fix("FAIL  settings: access.yaml:14: ")
    assert "did you mean owners?" in found.line("FAIL  settings: access.yaml:19: ")
    assert found.line("FAIL  settings: HEALTH_PORT: ")
    assert found.line("ok    Slack scopes") == "ok    Slack scopes: commands, chat:write, users:read"
    for skipped in ("owners", "access flows", "cluster", "access details"):
        assert found.line(f"skip  {skipped}: ") == f"skip  {skipped}: needs access.yaml, see above"


def test_a_password_variable_that_is_not_set_is_set_in_the_environment(newcomer: Newcomer) -> None:
    fix = newcomer.check(CONNECTOR_PASSWORD=None).fails_with("settings: access.yaml:6: password")
    assert "in the environment" in fix


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (lambda url: f"{url}0000", "url: is no address"),
        (lambda url: f"{url}\n    ca_certs: ca.pem", "ca_certs: is of no"),
    ],
)
def test_an_address_that_cannot_be_used_is_a_problem_of_its_line(
    newcomer: Newcomer, node: Node, change: Callable[[str], str], problem: str
) -> None:
    (newcomer.folder / "ca.pem").write_text("-----BEGIN CERTIFICATE-----", encoding="ascii")
    newcomer.write(lambda text: text.replace(node.url, change(node.url), 1))
    line = 4 if problem.startswith("url") else 5
    assert newcomer.check().fails_with(f"settings: access.yaml:{line}: {problem}")


def test_a_file_that_is_not_there_is_named_and_what_is_in_it_skipped(newcomer: Newcomer) -> None:
    found = newcomer.check(ACCESS_CONFIG="nowhere.yaml")
    assert found.text.splitlines()[-1] == "1 problem."
    assert found.line("skip  cluster") == "skip  cluster: needs ACCESS_CONFIG, see above"


def test_each_cluster_has_its_own_lines_and_advice_names_its_key(newcomer: Newcomer, node: Node) -> None:
    with silent() as port:
        pass
    second = f"""
  - name: staging
    url: http://127.0.0.1:{port}
    username: {node.connector().username}
    password: env:CONNECTOR_PASSWORD
    owner: [bob@example.com, carol@example.com]
    access_details: As {{username}} on {{url}} for {{patterns}} until {{expiry}}.
access_flows:"""
    newcomer.write(lambda text: text.replace("\naccess_flows:", second))
    found = newcomer.check()
    assert found.line("ok    elasticsearch: cluster: Elasticsearch ")
    assert found.line("ok    elasticsearch: connector account: ")
    assert found.line("ok    elasticsearch: resource owners: ")
    assert "access.yaml > staging > url" in found.fails_with("staging: cluster: nothing listens at")
    assert found.line("warn  elasticsearch: owners: 1 person may approve")
    assert found.line("ok    staging: owners: 2 people may approve")
    assert "access.yaml > elasticsearch > access_details" in found.line("ok    elasticsearch: access details: ")
    url, details = found.fix("ok    staging: access details: ").splitlines()
    assert url == f"| URL: http://127.0.0.1:{port}"
    assert details.startswith(f"| As es-access-7k3f9q on http://127.0.0.1:{port} for logs-* until 2")
    assert details.endswith(" UTC.")


def test_a_wrong_password_of_the_file_is_named_by_its_keys(newcomer: Newcomer) -> None:
    fix = newcomer.check(CONNECTOR_PASSWORD="wrong-wrong").fails_with("cluster: it does not take the password")
    assert "Correct access.yaml > elasticsearch > username and the variable that its password names." in fix


def test_an_owner_who_cannot_be_found_is_named_with_each_place(newcomer: Newcomer) -> None:
    newcomer.stage.workspace.deactivate(newcomer.stage.dave)
    fix = newcomer.check().fails_with("owner dave@example.com: no active person has this e-mail")
    assert "two of us > escalation > to" in fix


@pytest.mark.parametrize(
    ("change", "label"),
    [
        (("approvals: 2", "approvals: 3"), "flow “two of us”: 3 have to approve, and its owners are 2 people"),
        (
            ("- name: rest", "- name: rest\n    owners: integration\n    approvals: 2"),
            "flow “rest”: 2 have to approve, and the owners of elasticsearch are 1 person",
        ),
    ],
)
def test_more_approvals_than_people_is_a_problem(newcomer: Newcomer, change: tuple[str, str], label: str) -> None:
    newcomer.write(lambda text: text.replace(*change))
    assert "fewer approvals" in newcomer.check().fails_with(label)


def test_a_single_owner_of_flows_with_self_approval_is_no_warning(newcomer: Newcomer) -> None:
    newcomer.write(lambda text: text[: text.index("access_flows")] + "access_flows: [{name: a, self_approval: true}]")
    assert newcomer.check().line("ok    owners") == "ok    owners: 1 person may approve"


def test_flows_that_do_nothing_are_warned_of(newcomer: Newcomer) -> None:
    more = "  - name: late\n    patterns: [app-*]\n  - name: robots\n    requesters: '@none'\n    automatic: true\n"
    newcomer.write(lambda text: text + more)
    found = newcomer.check()
    assert "Put this one before that one" in found.fix("warn  flow “late”: is never reached, since “rest” stands")
    assert found.line("warn  flow “robots”: @none stands for nobody")
    assert "robots > requesters" in found.fails_with("owner @none: there is no such user group")


# --- the owners in the cluster ---


@pytest.fixture
def owned(newcomer: Newcomer, node: Node) -> Iterator[Newcomer]:
    """Indices with owners under a custom key; the group and dave can be asked."""
    client = node.client()
    owners = ["@data-owners", "dave@example.com, @gone", "@gone", "@gone", "the search team"]
    for number, owner in enumerate(owners):
        client.indices.create(index=f"guarded-{number}", mappings={"_meta": {"guardian": owner}})
    newcomer.write(lambda text: text.replace("resource_owner: owner", "resource_owner: guardian"))
    yield newcomer
    client.indices.delete(index=",".join(client.indices.get(index="guarded-*")))


def test_owners_in_the_cluster_that_nobody_can_be_asked_by_are_warned_of(owned: Newcomer) -> None:
    found = owned.check()
    assert found.code == 0, found.text
    assert "with an owner who can be asked 2, left to the integration owner " in found.line("ok    resource owners: ")
    assert "under guardian in the _meta" in found.fix("ok    resource owners: ")
    group = found.fix("warn  resource owners: @gone on guarded-2: there is no such user group in Slack")
    assert group.startswith("The integration owner is asked instead, here and for 1 more. Compare the handle")
    part = found.fix("warn  resource owners: @gone on guarded-1: ")
    assert part.startswith("The others named with it are asked.")
    shape = found.fix("warn  resource owners: “the search team” on guarded-4 is no owner")
    assert "Write a Slack user id, an e-mail or an @group handle" in shape


def test_a_template_with_a_wrong_owner_is_warned_of_before_anything_comes_of_it(owned: Newcomer, node: Node) -> None:
    client = node.client()
    client.indices.put_index_template(name="later", index_patterns=["guarded-later-*"], meta={"guardian": "nobody"})
    try:
        assert owned.check().line("warn  resource owners: “nobody” on template later is no owner")
    finally:
        client.indices.delete_index_template(name="later")


def test_of_many_wrong_owners_ten_are_named(owned: Newcomer, node: Node) -> None:
    for number in range(10):
        node.client().indices.create(index=f"guarded-x{number}", mappings={"_meta": {"guardian": f"team {number}"}})
    found = owned.check()
    assert found.text.count("warn  resource owners: ") == 11
    assert found.line("warn  resource owners: and 3 more that are wrong")


def test_without_the_scope_or_without_slack_nothing_is_said_of_owners_in_the_cluster(owned: Newcomer) -> None:
    owned.write(lambda text: text[: text.index("access_flows")] + "access_flows: [{name: all}]")
    owned.stage.workspace.revoke_scope("usergroups:read")
    found = owned.check()
    assert "reinstall the app" in found.fix("warn  resource owners: 3 of them cannot be looked up without the scope")
    found = owned.check(SLACK_BOT_TOKEN="xoxb-wrong-token")
    assert found.line("skip  resource owners: ") == "skip  resource owners: 3 of them: needs Slack, see above"
    assert "; with an owner 4, left" in found.line("ok    resource owners: ")


# --- which flow is never reached ---

BASE: dict[str, object] = {
    "name": "late",
    "requesters": ["@a"],
    "patterns": ["logs-*"],
    "max_duration": "8h",
    "integrations": ["one"],
}


def policy(*flows: dict[str, object]) -> Policy:
    integrations = tuple(Integration(name=name, owner=("@o",), public_url="https://e") for name in ("one", "two"))
    return Policy(integrations=integrations, access_flows=tuple(AccessFlow.model_validate(each) for each in flows))


@pytest.mark.parametrize(
    ("earlier", "late", "never"),
    [
        ({}, {}, True),
        ({"integrations": ["one", "two"]}, {"integrations": []}, True),
        ({"integrations": ["one"]}, {}, True),
        ({"integrations": ["two"]}, {}, False),
        ({"requesters": ["@b", "@a"]}, {}, True),
        ({"requesters": ["@b"]}, {}, False),
        ({"requesters": ["@a"]}, {"requesters": "everyone"}, False),
        ({"patterns": ["lo*"]}, {}, True),
        ({"patterns": ["logs-web"]}, {}, False),
        ({"patterns": ["logs-*"]}, {"patterns": ["logs-*", "metrics-*"]}, False),
        ({"permissions": ["write"]}, {}, False),
        ({"permissions": ["read", "write"]}, {}, True),
        ({"max_duration": "7h"}, {}, False),
        ({}, {"default_duration": "1h"}, False),
        ({"default_duration": "1h"}, {}, True),
        ({"reason": "required"}, {}, False),
        ({"reason": "required"}, {"reason": "required"}, True),
        ({"reason_pattern": "INC"}, {"reason": "required"}, False),
        ({"reason_pattern": "INC"}, {"reason_pattern": "INC"}, True),
        ({"when": {"days": ["mon"]}}, {}, False),
        ({"when": {"days": ["mon"]}}, {"when": {"days": ["mon"]}}, True),
        ({"automatic": True, "requesters": ["@a"]}, {}, False),
        ({"break_glass": True}, {}, False),
        ({}, {"break_glass": True}, False),
        ({"break_glass": True}, {"break_glass": True}, True),
        ({"break_glass": True}, {"break_glass": True, "reason": "required"}, True),
        ({"deny": True}, {"break_glass": True}, True),
        ({"deny": True}, {}, True),
        ({"deny": True, "patterns": ["logs-web"]}, {}, False),
        ({"deny": True, "permissions": ["write"]}, {}, False),
        ({"deny": True, "permissions": ["read"]}, {"permissions": ["write", "manage"]}, True),
    ],
)
def test_a_flow_is_never_reached_only_when_an_earlier_one_takes_all_of_it(
    earlier: dict[str, object], late: dict[str, object], never: bool
) -> None:
    found = policy({"name": "early"} | earlier, BASE | late)
    by = covering(found, found.access_flows[1])
    assert (by is not None and by.name == "early") is never


def test_a_flow_that_denies_beats_the_ones_before_it_and_is_itself_always_reached() -> None:
    found = policy(BASE, BASE | {"name": "robots", "automatic": True}, {"name": "no", "deny": True})
    assert [(by.name if by else None) for by in (covering(found, each) for each in found.access_flows)] == [
        "no", "no", None,
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("flow", "sentence"),
    [
        ({"deny": True}, "nobody may ask for anything on *"),
        ({"deny": True, "requesters": "@a", "permissions": ["write"]}, "@a may not ask for write on *"),
        ({"automatic": True, "requesters": "@a", "integrations": ["two"]}, "@a has read on * in two without asking"),
        (
            {"owners": "integration", "approvals": 2, "when": {"since": "08:00", "until": "18:00", "days": ["mon"]}},
            "everyone may ask for read on *, up to 7d, mon from 08:00 to 18:00 UTC, approved by 2 integration owners",
        ),
        (
            {"patterns": [f"logs-{number}" for number in range(7)]},
            "everyone may ask for read on logs-0, logs-1, logs-2, logs-3, logs-4 and 2 more, up to 7d,"
            " approved by an integration owner",
        ),
    ],
)
def test_a_flow_in_words(flow: dict[str, object], sentence: str) -> None:
    found = policy({"name": "x"} | flow)
    assert described(found, found.access_flows[0]) == f"flow “x”: {sentence}"
