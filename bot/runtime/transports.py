"""Connects the application to Slack, by Socket Mode or HTTP, and opens the port for probes and metrics."""

import errno
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager, ExitStack
from typing import Any

import structlog
from pydantic import SecretStr
from slack_bolt import App

from bot.config.settings import Settings, SettingsError, SettingsProblem
from bot.observability.metrics import Metrics
from bot.runtime.dependencies import Dependencies, Dependency
from bot.runtime.health import Health, at_most
from bot.runtime.http_server import StartResponse, WebServer, WsgiApp
from bot.slack.ack_queue import AckQueue
from bot.slack.http_requests import SLACK_PATH, SlackRequests
from bot.slack.intake.intake import Intake
from bot.slack.membership import Team
from bot.slack.socket_mode import SocketMode

LIFE_SIGN = "slack last life sign"
"""The key in `/readyz` for the time since Slack last sent something."""

SLACK_THREADS = 32
"""Slack's requests that are served at the same time: each holds a thread until it is acknowledged."""

HEALTH_THREADS = 4
"""Probes and scrapes that are answered at the same time, on either port."""

_NOT_OURS = frozenset({errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT})
"""The system's codes for an address that this machine does not have, or of a family that it does not know."""

log = structlog.get_logger(__name__)


def listen(
    settings: Settings,
    app: App,
    ack_queue: AckQueue,
    dependencies: Sequence[Dependency],
    metrics: Metrics,
    team: Team,
    intake: Intake,
    running: ExitStack,
) -> Dependencies:
    """Starts to check the dependencies and to listen. Raises `SettingsError` when a port is in use."""
    if settings.slack_app_token is not None:
        return _socket_mode(settings, settings.slack_app_token, app, ack_queue, dependencies, metrics, intake, running)
    checked = _checked(dependencies, running)
    # Slack calls only when somebody clicks: silence does not mean that it cannot, so it is no metric.
    health = Health(checked, metrics.page, _life_sign(team.silence))
    if settings.health_port != settings.port or not settings.port:
        _serve(health, settings, "HEALTH_PORT", settings.health_port, HEALTH_THREADS, running)
    slack = SlackRequests(app, settings.slack_signing_secret or SecretStr(""), intake)
    both = _by_path(slack, at_most(HEALTH_THREADS, health), ack_queue.track)
    _serve(both, settings, "PORT", settings.port, SLACK_THREADS, running)
    return checked


def _socket_mode(
    settings: Settings,
    app_token: SecretStr,
    app: App,
    ack_queue: AckQueue,
    dependencies: Sequence[Dependency],
    metrics: Metrics,
    intake: Intake,
    running: ExitStack,
) -> Dependencies:
    slack = SocketMode(app, app_token, ack_queue, intake)
    metrics.life_sign = slack.silence
    connection = Dependency("slack connection", slack.check)
    checked = _checked(dependencies, running, connection)
    health = Health(checked, metrics.page, _life_sign(slack.silence))
    _serve(health, settings, "HEALTH_PORT", settings.health_port, HEALTH_THREADS, running)
    running.callback(slack.stop)
    slack.start()
    connection.start()
    return checked


def _checked(dependencies: Sequence[Dependency], running: ExitStack, *later: Dependency) -> Dependencies:
    """Starts to check the dependencies, but not those that are started later."""
    checked = Dependencies([*dependencies, *later])
    running.callback(checked.stop)
    for each in dependencies:
        each.start()
    return checked


def _life_sign(silence: Callable[[], float | None]) -> Callable[[], dict[str, str]]:
    def about() -> dict[str, str]:
        seconds = silence()
        return {LIFE_SIGN: "none yet" if seconds is None else f"{seconds:.1f} s ago"}

    return about


def _by_path(slack: WsgiApp, otherwise: WsgiApp, around: Callable[[], AbstractContextManager[None]]) -> WsgiApp:
    """Sends Slack's path to `slack`, within `around()`, and all others to `otherwise`."""

    def app(environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        if environ["PATH_INFO"] != SLACK_PATH:
            return otherwise(environ, start_response)
        with around():
            return slack(environ, start_response)

    return app


def _serve(app: WsgiApp, settings: Settings, variable: str, port: int, threads: int, running: ExitStack) -> None:
    try:
        server = WebServer(app, settings.host, port, threads, name=variable)
    except (OSError, ValueError) as error:
        raise SettingsError([_cannot_listen(error, settings.host, variable, port)]) from None
    running.callback(server.stop)
    server.start()
    log.info("listening", variable=variable, port=server.port)


def _cannot_listen(error: OSError | ValueError, host: str, variable: str, port: int) -> SettingsProblem:
    if isinstance(error, OSError) and error.errno not in _NOT_OURS:
        return SettingsProblem(f"{variable}: cannot listen on port {port}: {error.strerror}")
    return SettingsProblem(f"HOST: cannot listen on {host}: it is no address of this machine")
