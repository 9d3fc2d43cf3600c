"""Checks that people's own accounts in a cluster can be given access."""

from elasticsearch import Elasticsearch

from bot.access.accounts.account import UnusableAccount
from bot.access.errors import Outage, Refusal
from bot.access.policy.model import Integration
from bot.access.policy.value_types import NATIVE
from bot.access.ports import Clock
from bot.checks.report import Report
from bot.cluster.accounts.realms import Realms

_EMAILS = "users:read.email"


def check_own_accounts(
    report: Report, client: Elasticsearch, integration: Integration, clock: Clock, scopes: frozenset[str]
) -> None:
    """Reports on the realm, and on the names of accounts. Nothing where access is not given to them."""
    rules = integration.accounts
    if rules is None:
        return
    if "{email" in rules.username and scopes and _EMAILS not in scopes:
        report.fail(
            f"own accounts: {rules.username} needs e-mails, which Slack does not tell without {_EMAILS}",
            "Add that scope to the Slack app, and install it again.",
        )
    if rules.realm == NATIVE:
        _check_native(report, add_role=rules.add_role)
        return
    try:
        Realms(client, clock).check(rules.realm)
    except UnusableAccount as error:
        report.fail(f"own accounts: {error}", "Correct `realm` in `accounts`: it is the name, and not the type.")
    except (Outage, Refusal) as error:
        report.skip("own accounts", f"the cluster does not tell its realms: {error}")
    else:
        report.ok(f"own accounts: {rules.username} in the realm {rules.realm}, by role mappings")


def _check_native(report: Report, *, add_role: bool) -> None:
    if add_role:
        report.ok("own accounts: native users, who are given the name of their personal role")
        return
    report.warn(
        "own accounts: a native user gets access only with the role es-access-own-… that an administrator gave it",
        "With `add_role: true` es-access adds that name itself, and changes nothing else of the user.",
    )
