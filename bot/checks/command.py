"""The whole of `bot check`, in the order in which things are set up."""

import logging
from collections.abc import Callable
from datetime import timedelta
from typing import TypeVar

import structlog

from bot.access.policy.access_details import fill_details
from bot.access.policy.model import Integration
from bot.access.ports import Clock
from bot.checks.cluster import check_clusters
from bot.checks.configuration import Setup, check_settings, read_setup
from bot.checks.database import check_database
from bot.checks.owners import check_owners
from bot.checks.policy import check_policy
from bot.checks.report import Report
from bot.checks.slack import check_slack
from bot.checks.stores import check_stores
from bot.slack.app import web_client
from bot.slack.directory import SlackDirectory
from bot.storage.engine import database_url

_Found = TypeVar("_Found")

_OF_DETAILS = (
    "CUSTOM_ACCESS_DETAILS", "INTEGRATION_NAME", "ELASTICSEARCH_PUBLIC_URL", "ELASTICSEARCH_URL",
    "ELASTICSEARCH_CLOUD_ID",
)  # fmt: skip


def run_checks(report: Report, clock: Clock) -> int:
    """Prints a line for each thing that was tried. Returns the exit code: 1 when something does not work."""
    # What the application would log is here a line of the report, with what to do.
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    setup = read_setup()
    report.hide(setup.secrets())
    check_settings(report, setup)
    _guarded(report, "secret stores", lambda: check_stores(report, setup))
    _guarded(report, "database", lambda: _check_database(report, setup))
    scopes = _guarded(report, "Slack", lambda: check_slack(report, setup))
    # One for the whole run: nobody is asked for twice.
    directory = None if scopes is None else _directory(setup)
    scopes = scopes or frozenset()
    people = _guarded(report, "owners", lambda: check_owners(report, setup, directory, scopes))
    _guarded(report, "access flows", lambda: check_policy(report, setup, people or {}))
    _guarded(report, "cluster", lambda: check_clusters(report, setup, clock, directory, scopes))
    _guarded(report, "access details", lambda: _preview(report, setup, clock))
    return report.end()


def _directory(setup: Setup) -> SlackDirectory:
    return SlackDirectory(web_client(setup.settings.slack_bot_token, setup.settings.slack_api_url))


def _check_database(report: Report, setup: Setup) -> None:
    lacks = setup.lacks("DATABASE_URL")
    if lacks:
        report.skip("database", lacks)
    else:
        check_database(report, database_url(setup.settings.database_url.get_secret_value()))


def _preview(report: Report, setup: Setup, clock: Clock) -> None:
    lacks = setup.lacks_policy(*_OF_DETAILS)
    if lacks:
        report.skip("access details", lacks)
        return
    for integration in setup.policy.integrations:
        details = _filled(integration, clock)
        none = "" if details else f", and no {setup.place('CUSTOM_ACCESS_DETAILS', integration)} are set"
        with report.about(setup.title(integration)):
            report.ok(
                f"access details: this stands in the message with each credential{none}",
                *(f"| {line}" for line in (f"URL: {integration.public_url}", *details)),
            )


def _filled(integration: Integration, clock: Clock) -> list[str]:
    """The lines as a requester reads them, with an example in each place."""
    example = {
        "url": integration.public_url,
        "username": "es-access-7k3f9q",
        "expiry": f"{clock.now() + timedelta(hours=1):%Y-%m-%d %H:%M} UTC",
        "patterns": "logs-*",
    }
    return "".join(fill_details(integration.access_details, example)).splitlines()


def _guarded(report: Report, what: str, check: Callable[[], _Found]) -> _Found | None:
    try:
        return check()
    except Exception as error:  # noqa: BLE001 (one check that breaks must not hide what the others find)
        report.fail(
            f"{what}: this check itself broke ({type(error).__name__})",
            "That is a fault of es-access: please report it with this line.",
        )
        return None
