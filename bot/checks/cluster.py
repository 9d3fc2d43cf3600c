"""Whether each cluster answers, what the connector account may do in it, and whether both clocks agree."""

import json
from typing import Any

from elasticsearch import Elasticsearch

from bot.access.errors import Outage, Refusal
from bot.access.grants.clock_skew import CLOCKS_APART
from bot.access.ports import Clock
from bot.checks.configuration import Setup
from bot.checks.connection import ACCOUNT, AS_ADMINISTRATOR, PUT_ROLE, Target, check_connection, open_client
from bot.checks.report import Report
from bot.checks.resource_owners import check_resource_owners
from bot.cluster.clock import read_time
from bot.cluster.connector_privileges import CLUSTER_PRIVILEGES, read_privileges
from bot.slack.directory import SlackDirectory

NEEDED = (
    "ELASTICSEARCH_URL",
    "ELASTICSEARCH_CLOUD_ID",
    "ELASTICSEARCH_USERNAME",
    "ELASTICSEARCH_PASSWORD",
    "ELASTICSEARCH_CA_CERTS",
)


def check_clusters(
    report: Report, setup: Setup, clock: Clock, directory: SlackDirectory | None, scopes: frozenset[str]
) -> None:
    """Lines for each integration. `directory` is `None` without Slack; `scopes` are the bot's."""
    lacks = setup.lacks_policy(*NEEDED)
    if lacks or setup.configuration is None:
        report.skip("cluster", lacks)
        return
    for integration in setup.policy.integrations:
        target = Target(setup, integration, setup.configuration.connections[integration.name])
        with report.about(setup.title(integration)):
            client = open_client(report, target)
            if client is not None:
                try:
                    _check_cluster(report, client, target, clock, directory, scopes)
                finally:
                    client.close()


def _check_cluster(
    report: Report,
    client: Elasticsearch,
    target: Target,
    clock: Clock,
    directory: SlackDirectory | None,
    scopes: frozenset[str],
) -> None:
    account = check_connection(report, client, target)
    if account is None:
        return
    enough = _check_privileges(report, client, account)
    check_clocks(report, client, clock)
    lacks = target.setup.lacks_policy("RESOURCE_OWNER_KEY")
    if not lacks and target.integration.resource_owner is None:
        return
    if lacks or not enough:
        report.skip("resource owners", lacks or "needs the privileges, see above")
    else:
        check_resource_owners(report, client, target.integration, directory, scopes)


def _check_privileges(report: Report, client: Elasticsearch, account: dict[str, Any]) -> bool:
    """Returns whether it may do all that is needed."""
    try:
        found = read_privileges(client)
    except (Outage, Refusal) as error:
        report.fail(f"connector account: {error}", "Run `bot check` again when the cluster is well.")
        return False
    if found.missing:
        report.fail(
            f"connector account: {found.username} lacks {', '.join(found.missing)}",
            AS_ADMINISTRATOR,
            PUT_ROLE,
            *_give_role(account),
        )
    elif found.too_much:
        report.warn(
            f"connector account: {found.username} may do anything in the cluster; it works, and is more than needed",
            f"{AS_ADMINISTRATOR} make an account with no more than this role:",
            PUT_ROLE,
        )
    else:
        has = ", ".join((*CLUSTER_PRIVILEGES, "index monitor"))
        report.ok(f"connector account: {found.username} has what it needs ({has})")
    return not found.missing


def _give_role(account: dict[str, Any]) -> tuple[str, ...]:
    roles = list(account.get("roles", []))
    if ACCOUNT in roles:
        return ()
    realm = account.get("authentication_realm", {})
    if realm.get("type") != "native":
        return (f"Then give that role to {account['username']} where it is kept: realm {realm.get('name')}.",)
    # With the roles that it has: the call replaces them. Without a password it keeps the one it has.
    return (f"PUT /_security/user/{account['username']} {json.dumps({'roles': [*roles, ACCOUNT]})}",)


def check_clocks(report: Report, client: Elasticsearch, clock: Clock) -> None:
    """Compares this machine's clock with the node's own."""
    try:
        there = read_time(client)
    except (Outage, Refusal):
        report.skip("clocks", "the cluster does not tell its time to this account")
        return
    if there is None:
        report.skip("clocks", "the cluster does not tell its time")
        return
    apart = abs(clock.now() - there)
    if apart > CLOCKS_APART:
        report.warn(
            f"clocks: this machine and the cluster are {apart.total_seconds():.0f} s apart",
            "Let both set their clock over the network: timedatectl set-ntp true",
        )
    else:
        report.ok("clocks: this machine and the cluster agree")
