"""Runs all checks of `bot check`, in the order in which people set things up."""

import logging
from collections.abc import Callable
from datetime import timedelta
from typing import TypeVar

import structlog

from bot.access.policy.access_details import fill_details
from bot.access.policy.model import Integration
from bot.access.ports import Clock
from bot.checks.adapters import Adapters
from bot.checks.cluster import check_clusters
from bot.checks.configuration import Setup, check_settings, read_setup
from bot.checks.connections.forward_proxies import check_forward_proxies
from bot.checks.database import check_database
from bot.checks.direct_messages import check_direct_messages
from bot.checks.owners import check_owners
from bot.checks.policy import check_policy
from bot.checks.report import Report
from bot.checks.slack import check_slack
from bot.checks.stores import check_stores
from bot.storage.engine import database_url

_Found = TypeVar("_Found")

_DETAILS_SETTINGS = (
    "CUSTOM_ACCESS_DETAILS", "INTEGRATION_NAME", "ELASTICSEARCH_PUBLIC_URL", "ELASTICSEARCH_URL",
    "ELASTICSEARCH_CLOUD_ID",
)  # fmt: skip


def run_checks(report: Report, adapters: Adapters) -> int:
    """Prints a line for each check. Returns the exit code: 1 when something does not work."""
    # Log lines are suppressed: the report has the same problems, with their solutions.
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    setup = read_setup()
    secrets = setup.secrets()
    report.hide(lambda: secrets)
    check_settings(report, setup)
    _run_check(report, "forward proxy", lambda: check_forward_proxies(report, setup))
    _run_check(report, "secret stores", lambda: check_stores(report, setup))
    _run_check(report, "database", lambda: _check_database(report, setup, adapters))
    slack = _run_check(report, "Slack", lambda: adapters.slack_client(setup.settings))
    scopes = None if slack is None else _run_check(report, "Slack", lambda: check_slack(report, setup, slack))
    # One directory for the whole run, so that its cache saves calls.
    directory = None if slack is None or scopes is None else adapters.directory(slack)
    scopes = scopes or frozenset()
    people = _run_check(report, "owners", lambda: check_owners(report, setup, directory, scopes))
    _run_check(report, "direct messages", lambda: check_direct_messages(report, slack, people or {}, scopes))
    _run_check(report, "access flows", lambda: check_policy(report, setup, people or {}))
    _run_check(report, "cluster", lambda: check_clusters(report, setup, adapters, directory, scopes))
    _run_check(report, "access details", lambda: _preview(report, setup, adapters.clock))
    return report.end()


def _check_database(report: Report, setup: Setup, adapters: Adapters) -> None:
    reason = setup.skip_reason("DATABASE_URL")
    if reason:
        report.skip("database", reason)
    else:
        check_database(report, database_url(setup.settings.database_url.get_secret_value()), adapters.open_engine)


def _preview(report: Report, setup: Setup, clock: Clock) -> None:
    reason = setup.policy_skip_reason(*_DETAILS_SETTINGS)
    if reason:
        report.skip("access details", reason)
        return
    for integration in setup.policy.integrations:
        details = _filled(integration, clock)
        none = "" if details else f"; {setup.setting_name('CUSTOM_ACCESS_DETAILS', integration)} is not set"
        with report.about(setup.title(integration)):
            report.ok(
                f"access details: this stands in the message with each credential{none}",
                *(f"| {line}" for line in (f"URL: {integration.public_url}", *details)),
            )


def _filled(integration: Integration, clock: Clock) -> list[str]:
    """The lines as a requester sees them, with an example for each placeholder."""
    example = {
        "url": integration.public_url,
        "username": "es-access-7k3f9q",
        "expiry": f"{clock.now() + timedelta(hours=1):%Y-%m-%d %H:%M} UTC",
        "patterns": "logs-*",
    }
    return "".join(fill_details(integration.access_details, example)).splitlines()


def _run_check(report: Report, what: str, check: Callable[[], _Found]) -> _Found | None:
    try:
        return check()
    except Exception as error:  # noqa: BLE001 (a broken check must not hide the results of the others)
        report.fail(
            f"{what}: this check itself broke ({type(error).__name__})",
            "That is a fault of es-access: please report it with this line.",
        )
        return None
