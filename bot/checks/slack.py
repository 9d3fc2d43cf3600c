"""Checks that Slack accepts the tokens, and that the bot has all scopes that the application uses."""

import re

from slack_sdk import WebClient

from bot.access.errors import Outage, Refusal
from bot.checks.configuration import Setup
from bot.checks.owners import named_owners
from bot.checks.report import Report
from bot.config.settings import Settings
from bot.slack.errors import TokenRefused, domain_errors
from bot.slack.scopes import FOR_SOCKET_MODE, add_scope, needed_scopes

_SIGNING_SECRET = re.compile(r"[0-9a-f]{32}")
"""As Slack shows it under "App Credentials"."""

_BOT_FIX = (
    "Your Slack app > OAuth & Permissions > Bot User OAuth Token (xoxb-…): copy it into SLACK_BOT_TOKEN."
    " There is none before the app is installed."
)
_APP_FIX = (
    f"Your Slack app > Basic Information > App-Level Tokens: generate one with the scope {FOR_SOCKET_MODE}"
    " and copy it (xapp-…) into SLACK_APP_TOKEN."
)


def check_slack(report: Report, setup: Setup, client: WebClient) -> frozenset[str] | None:
    """Reports on the bot token, its scopes and the delivery of events. Returns the scopes; `None` without Slack."""
    reason = setup.skip_reason("SLACK_BOT_TOKEN", "SLACK_API_URL")
    scopes = None
    if reason:
        report.skip("Slack", reason)
    else:
        try:
            scopes = _check_bot(report, setup, client)
        except Outage as error:
            report.fail(f"Slack: {error}", _network_hint(setup.settings))
            report.skip("Slack events", "needs Slack, see above")
            return None
    _check_delivery(report, setup, client)
    return scopes


def _check_bot(report: Report, setup: Setup, client: WebClient) -> frozenset[str] | None:
    try:
        with domain_errors(client):
            answer = client.auth_test()
    except (TokenRefused, Refusal) as error:
        report.fail(f"Slack: the bot token is refused: {error}", _BOT_FIX)
        return None
    report.ok(f"Slack: signed in to {answer.get('team')} as @{answer.get('user')}")
    return _check_scopes(report, setup, _scopes_in(answer.headers))


def _network_hint(settings: Settings) -> str:
    return (
        f"Check that this machine reaches {settings.slack_api_url} (SLACK_API_URL, proxy, firewall), and whether Slack"
        " has trouble (https://slack-status.com). Then run `bot check` again."
    )


def _scopes_in(headers: dict[str, object]) -> frozenset[str] | None:
    found = next((value for name, value in headers.items() if name.lower() == "x-oauth-scopes"), None)
    if found is None:
        return None
    listed = ",".join(found) if isinstance(found, list) else str(found)
    return frozenset(scope.strip() for scope in listed.split(",") if scope.strip())


def _check_scopes(report: Report, setup: Setup, granted: frozenset[str] | None) -> frozenset[str] | None:
    scopes = needed_scopes(() if setup.policy_skip_reason("INTEGRATION_OWNER") else named_owners(setup.policy))
    if granted is None:
        report.warn("Slack scopes: Slack did not say which the bot has", f"It needs {', '.join(scopes)}.")
        return frozenset(scopes)
    missing = [scope for scope in scopes if scope not in granted]
    if not missing:
        report.ok(f"Slack scopes: {', '.join(scopes)}")
    for scope in missing:
        report.fail(
            f"Slack scopes: {scope} is missing, for {scopes[scope]}",
            add_scope(scope),
        )
    return granted


def _check_delivery(report: Report, setup: Setup, client: WebClient) -> None:
    settings = setup.settings
    reason = setup.skip_reason("SLACK_APP_TOKEN", "SLACK_SIGNING_SECRET", "SLACK_API_URL")
    if reason:
        report.skip("Slack events", reason)
    elif settings.slack_app_token is not None:
        _check_socket_mode(report, settings, client, settings.slack_app_token.get_secret_value())
    elif settings.slack_signing_secret is not None:
        _check_signing_secret(report, settings.slack_signing_secret.get_secret_value())


def _check_socket_mode(report: Report, settings: Settings, client: WebClient, token: str) -> None:
    try:
        _open_connection(client, token)
    except (TokenRefused, Refusal) as error:
        _report_app_token(report, error)
    except Outage as error:
        report.fail(f"Socket Mode: {error}", _network_hint(settings))
    else:
        report.ok("Socket Mode: the app token is taken")


def _open_connection(client: WebClient, token: str) -> None:
    # The returned address is valid for one connection, and expires unused.
    with domain_errors(client):
        client.apps_connections_open(app_token=token)


def _report_app_token(report: Report, error: Outage | Refusal) -> None:
    if (error.code or "").startswith("socket_mode"):
        report.fail(f"Socket Mode is off: {error}", "Your Slack app > Socket Mode: turn on Enable Socket Mode.")
    elif error.code == "missing_scope":
        report.fail(f"Socket Mode: the app token has not the scope {FOR_SOCKET_MODE}", _APP_FIX)
    else:
        report.fail(f"Socket Mode: the app token is refused: {error}", _APP_FIX)


def _check_signing_secret(report: Report, secret: str) -> None:
    if _SIGNING_SECRET.fullmatch(secret):
        report.ok(
            "signing secret: looks right; only a request from Slack can prove it",
            "If every command fails with dispatch_failed, compare it: Basic Information > App Credentials.",
        )
    else:
        report.fail(
            "signing secret: does not look like one, which is 32 of 0-9 and a-f",
            "Your Slack app > Basic Information > App Credentials > Signing Secret: copy it into SLACK_SIGNING_SECRET.",
        )
