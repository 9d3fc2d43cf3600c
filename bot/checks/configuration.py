"""The settings and the policy as far as they can be read, so that one wrong value does not hide what else is wrong."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import SecretStr
from sqlalchemy.engine import make_url

from bot.access.policy.model import Integration, Policy
from bot.checks.report import Report
from bot.config.secret_references import resolve
from bot.config.settings import Configuration, Settings, SettingsError, load_settings, variables

_VARIABLE = re.compile(r"\b[A-Z]+(?:_[A-Z]+)*\b")
_LINE_OF_FILE = re.compile(r".+:[0-9]+")

_STAND_INS: dict[str, Any] = {
    "slack_bot_token": SecretStr("xoxb-is-not-set"),
    "elasticsearch_url": "https://unset.invalid",
    "integration_owner": ("U000000",),
}
"""For variables that must be set and are not. Nothing is done with them: what needs them is skipped."""

_EITHER = (("ELASTICSEARCH_URL", "ELASTICSEARCH_CLOUD_ID"), ("SLACK_APP_TOKEN", "SLACK_SIGNING_SECRET"))
"""One of each two has to be set."""

_KEYS = {
    "ELASTICSEARCH_URL": "url",
    "ELASTICSEARCH_USERNAME": "username",
    "ELASTICSEARCH_PASSWORD": "password",
    "ELASTICSEARCH_CA_CERTS": "ca_certs",
    "INTEGRATION_OWNER": "owner",
    "CUSTOM_ACCESS_DETAILS": "access_details",
}
"""Variables, and what stands in their place in an integration of the policy file."""


@dataclass(frozen=True)
class Setup:
    """`unusable` are the variables that are missing or wrong; `settings` has something else in their place.

    `configuration` is `None` where a file should hold it and cannot be used. `file` is the name of that file.
    """

    settings: Settings
    configuration: Configuration | None
    problems: tuple[str, ...] = ()
    unusable: frozenset[str] = frozenset()
    file: str | None = None

    def lacks(self, *variables: str) -> str:
        """Which of these are missing or wrong, as a reason to skip what needs them; empty when none is."""
        found = ", ".join(each for each in variables if each in self.unusable)
        for one, other in _EITHER:
            found = found.replace(f"{one}, {other}", f"{one} or {other}")
        return f"needs {found}" if found else ""

    def lacks_policy(self, *variables: str) -> str:
        """The same for what is in the policy file, where there is one, and otherwise in these variables."""
        if self.file is None:
            return self.lacks("ACCESS_CONFIG", *variables)
        return f"needs {self.file}, see above" if self.configuration is None else ""

    @property
    def policy(self) -> Policy:
        """Only for what `lacks_policy` has found nothing against. Raises `LookupError` where there is none."""
        if self.configuration is None:
            raise LookupError("there is no policy that can be used")
        return self.configuration.policy

    def title(self, integration: Integration) -> str:
        """Its name, where lines could be about another one as well."""
        return integration.name if len(self.policy.integrations) > 1 else ""

    def place(self, variable: str, integration: Integration) -> str:
        """Where people have written it: the variable itself, or a place in the policy file."""
        return variable if self.file is None else f"{self.file} > {integration.name} > {_KEYS[variable]}"

    def secrets(self) -> list[SecretStr]:
        """Everything that must never be shown, the database's password among it."""
        return [
            *self.settings.secrets(),
            SecretStr(make_url(self.settings.database_url.get_secret_value()).password or ""),
        ]


def read_setup() -> Setup:
    """Reads what there is, and puts something harmless in the place of a variable that is wrong."""
    try:
        settings = load_settings()
        return Setup(settings, settings.configuration(), file=_file(settings))
    except SettingsError as error:
        return _as_far_as_possible(error.problems)


def _as_far_as_possible(problems: tuple[str, ...]) -> Setup:
    readable = not any(each.startswith(".env ") for each in problems)
    every = frozenset(map(str.upper, Settings.model_fields))
    unusable = frozenset(_variables(problems)) if readable else every
    stand_ins = {name: _stand_in(name) for name in Settings.model_fields if name.upper() in unusable}
    if "ELASTICSEARCH_CLOUD_ID" in unusable:
        stand_ins["elasticsearch_url"] = _stand_in("elasticsearch_url")
    read = resolve(variables()).arguments if readable else {}
    settings = Settings(**{**read, **stand_ins}, _env_file=".env" if readable else None)
    configuration = None if "ACCESS_CONFIG" in unusable else _configuration(settings)
    return Setup(settings, configuration, problems, unusable, _file(settings))


def _configuration(settings: Settings) -> Configuration | None:
    try:
        return settings.configuration()
    except SettingsError:
        return None  # it is one of the problems already


def _file(settings: Settings) -> str | None:
    return settings.access_config.name if settings.access_config else None


def check_settings(report: Report, setup: Setup) -> None:
    """A line for each problem, or one that says how the application would listen to Slack."""
    if not setup.problems:
        mode = "Socket Mode" if setup.settings.socket_mode else "HTTP"
        report.ok(f"settings: all that are needed are set, Slack is heard over {mode}")
    said = False
    for problem in setup.problems:
        of_file = setup.file and problem.startswith(f"{setup.file}:") and "environment variable" not in problem
        to_do = [] if of_file and said else [_to_do(setup, problem, of_file=bool(of_file))]
        said = said or bool(of_file)
        report.fail(f"settings: {problem}", *to_do)
    _check_upkeep(report, setup)


def _to_do(setup: Setup, problem: str, *, of_file: bool) -> str:
    if of_file:
        return f"Correct it in {setup.settings.access_config}. Editors do so with what `bot schema` prints."
    if problem.endswith("remove it"):
        return "Take it out of .env, or out of the environment."
    if " in .env: " in problem:
        return "Correct the name in .env. .env.example has each one."
    return _where_to_set()


def _check_upkeep(report: Report, setup: Setup) -> None:
    # Better said than silently ignored: whoever sets it relies on it.
    if setup.configuration is None:
        return
    for integration, upkeep in setup.configuration.upkeep.items():
        if upkeep.user_cleanup_days is not None:
            key = "user_cleanup_days"
            place = f"{setup.file} > {integration} > {key}" if setup.file else key.upper()
            report.warn(f"settings: {place}: accepted, not used by this version yet")


def _where_to_set() -> str:
    if Path(".env").is_file():
        return "Set it in .env or in the environment. .env.example explains each setting."
    return "Set it in the environment, or in .env, which is not in this folder yet: cp .env.example .env"


def _variables(problems: Iterable[str]) -> Iterable[str]:
    # Each problem begins with the variables that it is about, up to the first colon, or with a line of the file.
    for problem in problems:
        about = problem.partition(": ")[0]
        if not _LINE_OF_FILE.fullmatch(about):
            yield from _VARIABLE.findall(about)


def _stand_in(name: str) -> Any:
    return _STAND_INS[name] if name in _STAND_INS else Settings.model_fields[name].get_default()
