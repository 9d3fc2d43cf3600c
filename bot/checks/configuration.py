"""The settings as far as they can be read, so that one wrong variable does not hide what else is wrong."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import SecretStr
from sqlalchemy.engine import make_url

from bot.checks.report import Report
from bot.settings import Settings, SettingsError, load_settings

_VARIABLE = re.compile(r"\b[A-Z]+(?:_[A-Z]+)*\b")

_STAND_INS: dict[str, Any] = {
    "slack_bot_token": SecretStr(""),
    "elasticsearch_username": "",
    "elasticsearch_password": SecretStr(""),
    "integration_owner": ("U000000",),
}
"""For variables that must be set and are not. Nothing is done with them: what needs them is skipped."""

_EITHER = (("ELASTICSEARCH_URL", "ELASTICSEARCH_CLOUD_ID"), ("SLACK_APP_TOKEN", "SLACK_SIGNING_SECRET"))
"""One of each two has to be set."""


@dataclass(frozen=True)
class Configuration:
    """`unusable` are the variables that are missing or wrong; `settings` has something else in their place."""

    settings: Settings
    problems: tuple[str, ...] = ()
    unusable: frozenset[str] = frozenset()

    def lacks(self, *variables: str) -> str:
        """Which of these are missing or wrong, as a reason to skip what needs them; empty when none is."""
        found = ", ".join(each for each in variables if each in self.unusable)
        for one, other in _EITHER:
            found = found.replace(f"{one}, {other}", f"{one} or {other}")
        return f"needs {found}" if found else ""

    def secrets(self) -> list[SecretStr]:
        """Everything that must never be shown, the database's password among it."""
        return [
            *self.settings.secrets(),
            SecretStr(make_url(self.settings.database_url.get_secret_value()).password or ""),
        ]


def read_configuration() -> Configuration:
    """Reads the environment and `.env`, and puts something harmless in the place of what is wrong there."""
    try:
        return Configuration(load_settings())
    except SettingsError as error:
        unusable = frozenset(_variables(error.problems))
        stand_ins = {name: _stand_in(name) for name in Settings.model_fields if name.upper() in unusable}
        return Configuration(Settings(**stand_ins), error.problems, unusable)


def check_settings(report: Report, configuration: Configuration) -> None:
    """A line for each problem, or one that says how the application would listen to Slack."""
    if not configuration.problems:
        mode = "Socket Mode" if configuration.settings.socket_mode else "HTTP"
        report.ok(f"settings: all that are needed are set, Slack is heard over {mode}")
    for problem in configuration.problems:
        report.fail(f"settings: {problem}", _where_to_set())


def _where_to_set() -> str:
    if Path(".env").is_file():
        return "Set it in .env or in the environment. .env.example explains each setting."
    return "Set it in the environment, or in .env, which is not in this folder yet: cp .env.example .env"


def _variables(problems: Iterable[str]) -> Iterable[str]:
    # Each problem begins with the variables that it is about, up to the first colon.
    for problem in problems:
        yield from _VARIABLE.findall(problem.partition(": ")[0])


def _stand_in(name: str) -> Any:
    return _STAND_INS[name] if name in _STAND_INS else Settings.model_fields[name].get_default()
