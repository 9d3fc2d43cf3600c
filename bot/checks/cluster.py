"""Checks that each cluster answers, the connector account has its privileges, and the clocks agree."""

import json
from typing import Any

from elasticsearch import Elasticsearch

from bot.access.errors import Outage, Refusal
from bot.access.grants.clock_skew import CLOCKS_APART
from bot.access.ports import Clock
from bot.checks.adapters import Adapters
from bot.checks.configuration import Setup
from bot.checks.connection import ACCOUNT, AS_ADMINISTRATOR, PUT_ROLE, Target, check_connection, open_client
from bot.checks.connections.credentials import check_credentials
from bot.checks.connections.own_accounts import check_own_accounts
from bot.checks.connections.sign_in import check_sign_in
from bot.checks.kibana import check_kibana
from bot.checks.limits import check_limits
from bot.checks.owner_memory import check_owner_memory
from bot.checks.report import Report
from bot.checks.resources.alias_targets import check_alias_targets, flows_bound_to_patterns
from bot.checks.resources.capitals import check_capitals, denying_flows_of
from bot.checks.resources.resource_owners import check_resource_owners
from bot.checks.resources.system_names import check_system_names, flows_with_hidden_names
from bot.cluster.clock import read_time
from bot.cluster.connector.privileges import CLUSTER_PRIVILEGES, read_privileges
from bot.slack.directory import SlackDirectory
from bot.storage.engine import database_url

NEEDED = (
    "ELASTICSEARCH_URL",
    "ELASTICSEARCH_CLOUD_ID",
    "ELASTICSEARCH_USERNAME",
    "ELASTICSEARCH_PASSWORD",
    "ELASTICSEARCH_API_KEY",
    "ELASTICSEARCH_CA_CERTS",
    "ELASTICSEARCH_CLIENT_CERTIFICATE",
    "ELASTICSEARCH_CLIENT_KEY",
)


def check_clusters(
    report: Report, setup: Setup, adapters: Adapters, directory: SlackDirectory | None, scopes: frozenset[str]
) -> None:
    """Reports on each integration. `directory` is `None` without Slack; `scopes` are those of the bot."""
    reason = setup.policy_skip_reason(*NEEDED)
    if reason or setup.configuration is None:
        report.skip("cluster", reason)
        return
    for integration in setup.policy.integrations:
        target = Target(setup, integration, setup.configuration.connections[integration.name])
        with report.about(setup.title(integration)):
            client = open_client(report, target, adapters.connect)
            if client is not None:
                try:
                    _check_cluster(report, client, target, adapters, directory, scopes)
                finally:
                    client.close()


def _check_cluster(
    report: Report,
    client: Elasticsearch,
    target: Target,
    adapters: Adapters,
    directory: SlackDirectory | None,
    scopes: frozenset[str],
) -> None:
    account = check_connection(report, client, target)
    if account is None:
        return
    check_sign_in(report, client, target.connection, account)
    sufficient = _check_privileges(report, client, account)
    if sufficient:
        check_credentials(report, client, adapters.clock)
        check_own_accounts(report, client, target.integration, adapters.clock, scopes)
    else:
        report.skip("credentials", "needs the privileges, see above")
    check_clocks(report, client, adapters.clock)
    if sufficient and not target.setup.policy_skip_reason("KIBANA_URL"):
        check_kibana(report, client, target.setup.policy, target.integration)
        check_limits(report, client, target.setup.policy, target.integration, adapters.clock)
    reason = target.setup.policy_skip_reason("RESOURCE_OWNER_KEY")
    if not reason and sufficient:
        _check_names(report, client, target, adapters)
    if not reason and target.integration.resource_owner is None:
        return
    if reason or not sufficient:
        report.skip("resource owners", reason or "needs the privileges, see above")
    else:
        reader = adapters.catalogue(client, target.integration)
        check_resource_owners(report, reader, target.integration, directory, scopes)
    reason = target.setup.skip_reason("DATABASE_URL")
    if not reason:
        url = database_url(target.setup.settings.database_url.get_secret_value())
        check_owner_memory(report, url, adapters.open_engine, target.integration, target.setup.owners_from_template)


def _check_names(report: Report, client: Elasticsearch, target: Target, adapters: Adapters) -> None:
    policy = target.setup.configuration.policy if target.setup.configuration is not None else None
    if policy is None:
        return
    integration = target.integration
    concerned = (flows_bound_to_patterns, flows_with_hidden_names, denying_flows_of)
    if not any(flows_of(policy, integration) for flows_of in concerned):
        return
    reader = adapters.catalogue(client, target.integration)
    try:
        catalogue = reader.read()
        check_alias_targets(report, catalogue, policy, integration)
        check_system_names(report, catalogue, policy, integration)
        check_capitals(report, catalogue, policy, integration)
    except (Outage, Refusal) as error:
        report.fail(f"names in access flows: {error}", "Run `bot check` again when the cluster is well.")
    finally:
        reader.close()


def _check_privileges(report: Report, client: Elasticsearch, account: dict[str, Any]) -> bool:
    """Returns whether the account has all necessary privileges."""
    try:
        found = read_privileges(client)
    except (Outage, Refusal) as error:
        report.fail(f"connector account: {error}", "Run `bot check` again when the cluster is well.")
        return False
    if found.missing:
        report.fail(
            f"connector account: {found.username} lacks {', '.join(found.missing)}",
            AS_ADMINISTRATOR,
            *PUT_ROLE,
            *_give_role(account),
        )
    elif found.too_much:
        report.warn(
            f"connector account: {found.username} may do anything in the cluster; it works, and is more than needed",
            f"{AS_ADMINISTRATOR} make an account with no more than this role:",
            *PUT_ROLE,
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
    # The call replaces the roles, so it lists the present ones too. Without a password, the present one stays.
    return f"PUT /_security/user/{account['username']}", json.dumps({"roles": [*roles, ACCOUNT]})


def check_clocks(report: Report, client: Elasticsearch, clock: Clock) -> None:
    """Compares this machine's clock with the node's."""
    try:
        cluster_time = read_time(client)
    except (Outage, Refusal):
        report.skip("clocks", "the cluster does not tell its time to this account")
        return
    if cluster_time is None:
        report.skip("clocks", "the cluster does not tell its time")
        return
    skew = abs(clock.now() - cluster_time)
    if skew > CLOCKS_APART:
        report.warn(
            f"clocks: this machine and the cluster are {skew.total_seconds():.0f} s apart",
            "Let both set their clock over the network: timedatectl set-ntp true",
        )
    else:
        report.ok("clocks: this machine and the cluster agree")
