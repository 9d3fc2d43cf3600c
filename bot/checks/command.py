"""The whole of `bot check`, in the order in which things are set up."""

from collections.abc import Callable

from bot.access.ports import Clock
from bot.checks.cluster import check_cluster
from bot.checks.configuration import Configuration, check_settings, read_configuration
from bot.checks.database import check_database
from bot.checks.owners import check_owners
from bot.checks.report import Report
from bot.checks.slack import check_slack
from bot.storage.engine import database_url


def run_checks(report: Report, clock: Clock) -> int:
    """Prints a line for each thing that was tried. Returns the exit code: 1 when something does not work."""
    configuration = read_configuration()
    report.hide(configuration.secrets())
    check_settings(report, configuration)
    _guarded(report, "database", lambda: _check_database(report, configuration))
    _guarded(report, "Slack", lambda: _check_slack_and_owners(report, configuration))
    _guarded(report, "cluster", lambda: check_cluster(report, configuration, clock))
    _preview(report, configuration)
    return report.end()


def _check_database(report: Report, configuration: Configuration) -> None:
    lacks = configuration.lacks("DATABASE_URL")
    if lacks:
        report.skip("database", lacks)
    else:
        check_database(report, database_url(configuration.settings.database_url.get_secret_value()))


def _check_slack_and_owners(report: Report, configuration: Configuration) -> None:
    check_owners(report, configuration, check_slack(report, configuration))


def _preview(report: Report, configuration: Configuration) -> None:
    lacks = configuration.lacks(
        "CUSTOM_ACCESS_DETAILS", "INTEGRATION_NAME", "ELASTICSEARCH_PUBLIC_URL", "ELASTICSEARCH_URL",
        "ELASTICSEARCH_CLOUD_ID",
    )  # fmt: skip
    if lacks:
        report.skip("access details", lacks)
        return
    (integration,) = configuration.settings.policy().integrations
    details = integration.access_details.splitlines()
    none = "" if details else ", and no CUSTOM_ACCESS_DETAILS are set"
    report.ok(
        f"access details: this stands in the message with each credential{none}",
        *(f"| {line}" for line in (f"URL: {integration.public_url}", *details)),
    )


def _guarded(report: Report, what: str, check: Callable[[], None]) -> None:
    try:
        check()
    except Exception as error:  # noqa: BLE001 (one check that breaks must not hide what the others find)
        report.fail(
            f"{what}: this check itself broke ({type(error).__name__})",
            "That is a fault of es-access: please report it with this line.",
        )
