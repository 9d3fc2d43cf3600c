"""Reads the settings and the policy as far as possible, so that one wrong value does not hide other problems."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import SecretStr
from sqlalchemy.engine import make_url

from bot.access.policy.model import DEFAULT_SPACE, Integration, Policy
from bot.checks.report import Report
from bot.config.secret_references import resolve
from bot.config.settings import (
    Configuration,
    ProblemKind,
    Settings,
    SettingsError,
    SettingsProblem,
    load_settings,
    variables,
)

_STAND_INS: dict[str, Any] = {
    "slack_bot_token": SecretStr("xoxb-is-not-set"),
    "elasticsearch_url": "https://unset.invalid",
    "integration_owner": ("U000000",),
}
"""Values for required variables that are not set. They are never used: checks that need them are skipped."""

_EITHER = (("ELASTICSEARCH_URL", "ELASTICSEARCH_CLOUD_ID"), ("SLACK_APP_TOKEN", "SLACK_SIGNING_SECRET"))
"""Pairs of variables; one of each pair has to be set."""

_KEYS = {
    "ELASTICSEARCH_URL": "url",
    "ELASTICSEARCH_CLOUD_ID": "cloud_id",
    "ELASTICSEARCH_USERNAME": "username",
    "ELASTICSEARCH_PASSWORD": "password",
    "ELASTICSEARCH_API_KEY": "api_key",
    "ELASTICSEARCH_CA_CERTS": "ca_certs",
    "ELASTICSEARCH_CLIENT_CERTIFICATE": "client_certificate",
    "ELASTICSEARCH_CLIENT_KEY": "client_key",
    "INTEGRATION_OWNER": "owner",
    "CUSTOM_ACCESS_DETAILS": "access_details",
    "KIBANA_URL": "kibana_url",
    "KIBANA_SPACE": "kibana_space",
}
"""Variables, and the corresponding keys of an integration in `access.yaml`."""


@dataclass(frozen=True)
class Setup:
    """The settings that the checks use. `settings` has stand-ins for `unusable` variables, which are missing or wrong.

    `configuration` is `None` when `access.yaml` cannot be used. `file` is the name of that file, if there is one.
    """

    settings: Settings
    configuration: Configuration | None
    problems: tuple[SettingsProblem, ...] = ()
    unusable: frozenset[str] = frozenset()
    file: str | None = None

    @property
    def env_file_readable(self) -> bool:
        """Whether the environment and `.env` could be read at all."""
        return all(each.kind is not ProblemKind.ENV_FILE for each in self.problems)

    def skip_reason(self, *variables: str) -> str:
        """The reason to skip a check that needs these variables: those missing or wrong. Empty when all are usable."""
        found = ", ".join(each for each in variables if each in self.unusable)
        for one, other in _EITHER:
            found = found.replace(f"{one}, {other}", f"{one} or {other}")
        return f"needs {found}, see above" if found else ""

    def policy_skip_reason(self, *variables: str) -> str:
        """The same for a check that needs the policy file, or without one these variables."""
        if self.file is None:
            return self.skip_reason("ACCESS_CONFIG", *variables)
        return f"needs {self.file}, see above" if self.configuration is None else ""

    @property
    def policy(self) -> Policy:
        """The policy, for checks that `policy_skip_reason` does not skip. Raises `LookupError` when there is none."""
        if self.configuration is None:
            raise LookupError("there is no policy that can be used")
        return self.configuration.policy

    def title(self, integration: Integration) -> str:
        """The integration's name when there are several, otherwise empty."""
        return integration.name if len(self.policy.integrations) > 1 else ""

    def setting_name(self, variable: str, integration: Integration) -> str:
        """The name of a setting: the variable, or the path in `access.yaml`."""
        return variable if self.file is None else f"{self.file} > {integration.name} > {_KEYS[variable]}"

    @property
    def owners_from_template(self) -> str:
        """The setting that reads owners only where no temporary access can write them."""
        return "RESOURCE_OWNERS_FROM=template" if self.file is None else "owners_from: template"

    def secrets(self) -> list[SecretStr]:
        """All secrets, including the password of the database."""
        return [
            *self.settings.secrets(),
            SecretStr(make_url(self.settings.database_url.get_secret_value()).password or ""),
        ]


def read_setup() -> Setup:
    """Reads the settings, with harmless stand-ins for missing or wrong variables."""
    try:
        settings = load_settings()
        return Setup(settings, settings.configuration(), file=_file(settings))
    except SettingsError as error:
        return _as_far_as_possible(error.problems)


def _as_far_as_possible(problems: tuple[SettingsProblem, ...]) -> Setup:
    readable = all(each.kind is not ProblemKind.ENV_FILE for each in problems)
    every = frozenset(map(str.upper, Settings.model_fields))
    unusable = frozenset(name for each in problems for name in each.variables) if readable else every
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
        return None  # it is already among the problems


def _file(settings: Settings) -> str | None:
    return settings.access_config.name if settings.access_config else None


def check_settings(report: Report, setup: Setup) -> None:
    """Reports each problem, or how the application would connect to Slack."""
    if not setup.problems:
        mode = "Socket Mode" if setup.settings.socket_mode else "HTTP"
        report.ok(f"settings: all that are needed are set, Slack is heard over {mode}")
    explained = False
    for problem in setup.problems:
        of_file = problem.kind is ProblemKind.POLICY_FILE
        report.fail(f"settings: {problem.text}", *([] if of_file and explained else [_to_do(setup, problem.kind)]))
        explained = explained or of_file
    _check_upkeep(report, setup)
    _check_kibana_space(report, setup)


def _to_do(setup: Setup, kind: ProblemKind) -> str:
    match kind:
        case ProblemKind.POLICY_FILE:
            return f"Correct it in {setup.settings.access_config}. Editors do so with what `bot schema` prints."
        case ProblemKind.SUPERSEDED:
            return "Take it out of .env, or out of the environment."
        case ProblemKind.MISSPELT:
            return "Correct the name in .env. .env.example has each one."
        case ProblemKind.VALUE | ProblemKind.ENV_FILE:
            return _how_to_set()


def _check_upkeep(report: Report, setup: Setup) -> None:
    # A warning and not silence, because someone who sets it relies on it.
    if setup.configuration is None:
        return
    for integration, upkeep in setup.configuration.upkeep.items():
        if upkeep.user_cleanup_days is not None:
            key = "user_cleanup_days"
            name = f"{setup.file} > {integration} > {key}" if setup.file else key.upper()
            report.warn(f"settings: {name}: accepted, not used by this version yet")


def _check_kibana_space(report: Report, setup: Setup) -> None:
    # Without an address there is nothing to open, so the space is not used.
    for integration in setup.configuration.policy.integrations if setup.configuration else ():
        if integration.kibana_url is None and integration.kibana_space != DEFAULT_SPACE:
            space, url = (setup.setting_name(each, integration) for each in ("KIBANA_SPACE", "KIBANA_URL"))
            report.warn(
                f"settings: {space} is not used without {url}",
                "Set both: then read, write and manage open Discover there, and messages have a link to it.",
            )


def _how_to_set() -> str:
    if Path(".env").is_file():
        return "Set it in .env or in the environment. .env.example explains each setting."
    return "Set it in the environment, or in .env, which is not in this folder yet: bot init writes it"


def _stand_in(name: str) -> Any:
    return _STAND_INS[name] if name in _STAND_INS else Settings.model_fields[name].get_default()
