"""Connects the application to Slack, by Socket Mode or HTTP, and opens the port for probes and metrics."""

from collections.abc import Callable, Mapping
from contextlib import ExitStack

from slack_bolt import App
from slack_bolt.adapter.wsgi import SlackRequestHandler

from bot.config.settings import Settings, SettingsError, SettingsProblem
from bot.observability.metrics import Metrics
from bot.runtime.http_server import SLACK_PATH, Health, WebServer, WsgiApp, with_slack
from bot.slack.ack_queue import AckQueue
from bot.slack.membership import Team
from bot.slack.socket_mode import SocketMode

LIFE_SIGN = "slack last life sign"
"""The key in `/readyz` for the time since Slack last sent something."""


def listen(
    settings: Settings,
    app: App,
    ack_queue: AckQueue,
    checks: Mapping[str, Callable[[], object]],
    metrics: Metrics,
    team: Team,
    running: ExitStack,
) -> int:
    """Starts listening, and returns the port. Raises `SettingsError` when the port is in use."""
    if settings.slack_app_token is not None:
        slack = SocketMode(app, settings.slack_app_token, ack_queue, team)
        metrics.life_sign = slack.silence
        health = Health({**checks, "slack": slack.check}, metrics.page, _life_sign(slack.silence))
        web = _web_server(health, settings, "HEALTH_PORT", settings.health_port)
        running.callback(web.stop)
        running.callback(slack.stop)
        web.start()
        slack.start()
    else:
        # Slack calls only when somebody clicks: silence does not mean that it cannot, so it is no metric.
        health = Health(checks, metrics.page, _life_sign(team.silence))
        handler = SlackRequestHandler(app, path=SLACK_PATH)
        web = _web_server(with_slack(handler, health, ack_queue.track), settings, "PORT", settings.port)
        running.callback(web.stop)
        web.start()
    return web.port


def _life_sign(silence: Callable[[], float | None]) -> Callable[[], dict[str, str]]:
    def about() -> dict[str, str]:
        seconds = silence()
        return {LIFE_SIGN: "none yet" if seconds is None else f"{seconds:.1f} s ago"}

    return about


def _web_server(app: WsgiApp, settings: Settings, variable: str, port: int) -> WebServer:
    try:
        return WebServer(app, settings.host, port)
    except OSError as error:
        raise SettingsError([SettingsProblem(f"{variable}: cannot listen on port {port}: {error.strerror}")]) from None
