"""People's own accounts in the settings: by variables, and in `access.yaml`."""

from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from bot.access.models.columns import CredentialKind
from bot.access.policy.value_types import AccountRules
from bot.config.access_yaml.schema import schema
from tests.unit.config.access_yaml.test_reader import GOOD, refused, taken
from tests.unit.config.access_yaml.test_schema import loaded
from tests.unit.config.test_settings import COMPLETE, problems_of, read

VALIDATOR = Draft202012Validator(schema())

REALM, NAME, ADD = (f"ELASTICSEARCH_ACCOUNT_{each}" for each in ("REALM", "USERNAME", "ADD_ROLE"))


@pytest.fixture(autouse=True)
def _folder_without_env(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_without_a_realm_nothing_is_given_to_own_accounts() -> None:
    [integration] = read(COMPLETE).configuration().policy.integrations
    assert integration.accounts is None


def test_three_variables_describe_the_accounts_of_one_cluster() -> None:
    variables = {REALM: "native", NAME: "{email_name}", ADD: "true"}
    [integration] = read(COMPLETE | variables).configuration().policy.integrations
    assert integration.accounts == AccountRules(realm="native", username="{email_name}", add_role=True)
    [usual] = read(COMPLETE | {REALM: "corp"}).configuration().policy.integrations
    assert usual.accounts == AccountRules(realm="corp", username="{email}", add_role=False)


@pytest.mark.parametrize(
    ("variables", "problem"),
    [
        ({NAME: "{email}"}, f"{REALM} is not set"),
        ({ADD: "true"}, f"{REALM} is not set"),
        ({REALM: "corp", ADD: "true"}, f"{ADD}: is for native users"),
        ({REALM: "corp", NAME: "alice"}, f"{NAME}: names the same account for everybody"),
        ({REALM: "corp", NAME: "{mail}"}, f"{NAME}: names the same account for everybody"),
        ({REALM: "corp", NAME: "{email}{x}"}, f"{NAME}: has a brace"),
    ],
)
def test_what_is_wrong_with_a_variable_is_said(variables: dict[str, str], problem: str) -> None:
    [said] = problems_of(COMPLETE | variables)
    assert said.startswith(problem)


WITH_ACCOUNTS = GOOD.replace("    owner:", "    accounts: {realm: corp}\n    owner:")


def test_an_integration_of_the_file_has_accounts() -> None:
    policy = taken(WITH_ACCOUNTS).policy
    [integration], [flow, *_] = policy.integrations, policy.access_flows
    assert integration.accounts == AccountRules(realm="corp")
    assert integration.kinds(flow)[0] is CredentialKind.OWN_ACCOUNT
    assert VALIDATOR.is_valid(loaded(WITH_ACCOUNTS))


def test_a_flow_that_names_own_accounts_needs_them_in_its_integrations() -> None:
    flow = "    credentials: [own_account, password]\n    max"
    [(line, sentence)] = refused(GOOD.replace("    max", flow))
    assert sentence.startswith("credentials: own_account needs `accounts` in the integration")
    assert "own_account" in GOOD.replace("    max", flow).splitlines()[line - 1]
    taken_flow = taken(WITH_ACCOUNTS.replace("    max", flow)).policy.access_flows[0]
    assert taken_flow.credentials == (CredentialKind.OWN_ACCOUNT, CredentialKind.PASSWORD)


@pytest.mark.parametrize(
    ("accounts", "words"),
    [
        ("{username: '{email}'}", "realm: is missing"),
        ("{realm: corp, username: alice}", "username: names the same account for everybody"),
        ("{realm: corp, add_role: true}", "add_role is for native users"),
        ("{realm: corp, roles: [x]}", "unknown key roles"),
    ],
)
def test_what_is_wrong_with_accounts_is_named(accounts: str, words: str) -> None:
    found = refused(GOOD.replace("    owner:", f"    accounts: {accounts}\n    owner:"))
    assert any(words in sentence for _, sentence in found), found
