"""The connection to Slack: the client, and the sign-in at the start."""

from typing import Any

import structlog
from slack_sdk import WebClient

from bot.access.call_failures import OnFailure, ignore_failure
from bot.access.errors import Outage, Refusal
from bot.config.settings import Settings, SettingsError, SettingsProblem
from bot.slack.app import web_client
from bot.slack.errors import TokenRefused
from bot.slack.membership import Team

log = structlog.get_logger(__name__)


def slack_client(settings: Settings, on_failure: OnFailure = ignore_failure) -> WebClient:
    """A client of Slack's Web API that reports its failed calls to `on_failure`."""
    return web_client(settings.slack_bot_token, settings.slack_api_url, on_failure)


def sign_in(team: Team, *, was_here: bool) -> dict[str, Any] | None:
    """What Slack says about the bot token; `None` while Slack is away. Raises `SettingsError` for a refused token.

    With `was_here`, a start before this one signed in. Then a refused token was revoked since, and is waited for as
    well: access has to end meanwhile.
    """
    try:
        who = team.identify()
    except TokenRefused as error:
        if was_here:
            log.warning("SLACK_BOT_TOKEN does not work any more: access ends on time, nobody is told", error=str(error))
            return None
        raise SettingsError([SettingsProblem(f"SLACK_BOT_TOKEN: {error}. Copy it again from your Slack app")]) from None
    except Refusal as error:
        raise SettingsError([SettingsProblem(f"SLACK_BOT_TOKEN: {error}. `bot check` says more")]) from None
    except Outage as error:
        log.warning("cannot reach Slack yet", error=str(error))
        return None
    log.info("signed in to Slack", team=who["team"], user=who["user"])
    return who
