"""Settings from the environment and `.env`, all checked before the application starts."""

import os
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Literal

from dotenv import dotenv_values
from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, ValidationError
from pydantic_core import ErrorDetails
from pydantic_settings import NoDecode

from bot.access.policy.access_flow import AccessFlow
from bot.access.policy.model import Integration, OwnersFrom, Policy
from bot.access.policy.value_types import (
    AccountName,
    AccountRules,
    Duration,
    Name,
    Owner,
    RealmName,
    read_owners,
)
from bot.cluster.client import ClusterConnection
from bot.config import access_yaml
from bot.config.access_yaml import PolicyFileError, Problem
from bot.config.access_yaml.error_messages import sentence_of
from bot.config.audit_settings import ENV_FILE, AuditSettings
from bot.config.configuration import (
    AccessDetails,
    CloudId,
    Configuration,
    Days,
    ExistingFile,
    Hint,
    Limit,
    OwnerKey,
    Space,
    Upkeep,
    Url,
    ca_file_of,
    cloud_url,
    http_url,
    is_file,
    slack_token,
)
from bot.config.required_variables import REQUIRED, missing, missing_for_slack
from bot.config.secret_references import (
    KEY_VARIABLE,
    PASSWORD_VARIABLE,
    connector_secret,
    connector_store,
    resolve,
)
from bot.config.settings_error import ProblemKind, SettingsError, SettingsProblem
from bot.config.variable_names import IN_FILE, misspelt, superseded
from bot.network.forward_proxy import adopt, proxy_problems, proxy_secrets
from bot.secret_stores import is_reference

__all__ = [
    "Configuration", "ProblemKind", "Settings", "SettingsError", "SettingsProblem", "load_settings", "variables",
]  # fmt: skip

_MEANING = {"SLACK_BOT_TOKEN": "the bot token (xoxb-…) from your Slack app's page “OAuth & Permissions”", **REQUIRED}


def _owners(text: object) -> object:
    owners = read_owners(text)
    if isinstance(text, str) and not owners:
        raise ValueError("names nobody")
    return owners


Port = Annotated[int, Field(ge=0, le=65_535)]


class Settings(AuditSettings):
    """Every setting; `.env.example` explains them. `load_settings` also checks which must be set together."""

    slack_bot_token: Annotated[SecretStr, slack_token("bot", "xoxb-")]
    slack_app_token: Annotated[SecretStr, slack_token("app", "xapp-")] | None = None
    slack_signing_secret: SecretStr | None = None
    slack_api_url: Annotated[str, AfterValidator(lambda url: http_url(url) + "/")] = "https://slack.com/api/"

    access_config: ExistingFile | None = None

    # One integration and one access flow. With `access_config` all of these are in the file.
    elasticsearch_url: Url | None = None
    elasticsearch_cloud_id: CloudId | None = None
    elasticsearch_username: str = ""
    elasticsearch_password: SecretStr = SecretStr("")
    elasticsearch_api_key: SecretStr | None = None
    elasticsearch_ca_certs: ExistingFile | None = None
    elasticsearch_client_certificate: ExistingFile | None = None
    elasticsearch_client_key: ExistingFile | None = None
    elasticsearch_public_url: Url | None = None
    elasticsearch_ca_hint: Hint = ""
    kibana_url: Url | None = None
    kibana_space: Space = "default"
    integration_name: Name = "elasticsearch"
    integration_owner: Annotated[tuple[Owner, ...], NoDecode, BeforeValidator(_owners)] = ()
    resource_owner_key: OwnerKey | None = None
    resource_owners_from: OwnersFrom = "mapping"
    custom_access_details: AccessDetails = ""
    credential_rotation_days: Days | None = None
    user_cleanup_days: Days | None = None
    elasticsearch_account_realm: RealmName | None = None
    elasticsearch_account_username: AccountName = "{email}"
    elasticsearch_account_add_role: bool = False
    max_duration: Duration = timedelta(days=7)
    pending_duration: Duration = timedelta(hours=8)
    pending_per_person: Limit = 10
    requests_per_hour: Limit = 30

    installation_id: Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[A-Za-z0-9._-]+$")] | None = None
    host: str = "0.0.0.0"  # noqa: S104 (probes and Slack's requests reach a container from outside)
    port: Port = 3000
    health_port: Port = 8080
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    log_format: Literal["console", "ecs"] = "console"

    @property
    def socket_mode(self) -> bool:
        """Whether Slack's events come over its WebSocket; otherwise Slack calls us over HTTP."""
        return self.slack_app_token is not None

    def secrets(self) -> list[SecretStr]:
        """The known secrets, which must never be shown. A password in a store is hidden when it is read.

        An `access.yaml` that cannot be used contributes none, because none of its passwords is in use.
        """
        values = [*proxy_secrets(), *(getattr(self, name) for name in type(self).model_fields)]
        if self.access_config is not None:
            with suppress(SettingsError):
                for each in self.configuration().connections.values():
                    values += [each.password, each.api_key]
        # A reference is not secret, and messages about it show it.
        return [each for each in values if isinstance(each, SecretStr) and not is_reference(each.get_secret_value())]

    def configuration(self) -> Configuration:
        """The policy and the connections, from the present `access.yaml` or from variables.

        Raises `SettingsError` with the line of each problem in the file.
        """
        return _read(self.access_config) if self.access_config else self._from_variables()

    def _accounts(self) -> AccountRules | None:
        if self.elasticsearch_account_realm is None:
            return None
        return AccountRules(
            realm=self.elasticsearch_account_realm,
            username=self.elasticsearch_account_username,
            add_role=self.elasticsearch_account_add_role,
        )

    def _from_variables(self) -> Configuration:
        integration = Integration(
            name=self.integration_name,
            owner=self.integration_owner,
            resource_owner=self.resource_owner_key,
            owners_from=self.resource_owners_from,
            public_url=self.elasticsearch_public_url
            or self.elasticsearch_url
            or cloud_url(self.elasticsearch_cloud_id or ""),
            access_details=self.custom_access_details,
            ca_file=ca_file_of(
                self.elasticsearch_ca_certs,
                self.elasticsearch_ca_hint,
                own_address=self.elasticsearch_public_url is not None,
            ),
            ca_hint=self.elasticsearch_ca_hint,
            kibana_url=self.kibana_url,
            kibana_space=self.kibana_space,
            user_cleanup_days=self.user_cleanup_days,
            accounts=self._accounts(),
        )
        flow = AccessFlow(
            name="default",
            permissions=("read", "write", "manage"),
            max_duration=self.max_duration,
            owners="resource" if self.resource_owner_key else "integration",
        )
        key = self.elasticsearch_api_key
        variable, text = (PASSWORD_VARIABLE, self.elasticsearch_password) if key is None else (KEY_VARIABLE, key)
        try:
            store = connector_store(variable, text, variables())
        except ValueError as error:
            raise SettingsError([SettingsProblem(f"{variable}: {error}", (variable,))]) from None
        connection = ClusterConnection(
            username=self.elasticsearch_username,
            **connector_secret(store, is_key=key is not None),
            url=self.elasticsearch_url,
            cloud_id=self.elasticsearch_cloud_id,
            ca_certs=self.elasticsearch_ca_certs,
            client_certificate=self.elasticsearch_client_certificate,
            client_key=self.elasticsearch_client_key,
        )
        return Configuration(
            Policy(
                integrations=(integration,),
                access_flows=(flow,),
                pending_for=self.pending_duration,
                pending_per_person=self.pending_per_person,
                requests_per_hour=self.requests_per_hour,
            ),
            {integration.name: connection},
            {integration.name: Upkeep(self.credential_rotation_days, self.user_cleanup_days)},
        )


def load_settings() -> Settings:
    """Reads the environment, `.env` and `access.yaml`. Raises `SettingsError` with every problem at once."""
    present = {name.upper(): value for name, value in variables().items()}
    adopt(present)
    config = present.get("ACCESS_CONFIG")
    problems: list[SettingsProblem] = [
        *misspelt(present, [name.upper() for name in Settings.model_fields]),
        *missing_for_slack(present),
        *(SettingsProblem(f"{name}: {problem}", (name,)) for name, problem in proxy_problems()),
        *(superseded(present) if config else missing(present)),
    ]
    resolved = resolve(variables())
    problems += resolved.problems.values()
    settings = None
    try:
        settings = Settings(**resolved.arguments)
    except ValidationError as error:
        wrong = {_variable(each): _problem(each) for each in error.errors()}
        wrong = {name: problem for name, problem in wrong.items() if name not in resolved.problems}
        problems = [wrong[name] for name in wrong if not (config and name in IN_FILE)] + problems
    if settings is not None:
        problems += settings.audit_problems()
    if config and is_file(Path(config)):
        problems += _problems_in(Path(config))
    if problems or settings is None:
        raise SettingsError(problems)
    return settings


def variables() -> dict[str, str]:
    """The variables of the environment and of `.env` that are not empty. Raises `SettingsError`."""
    try:
        both = (dotenv_values(ENV_FILE), os.environ)
    except (UnicodeError, OSError):
        text = ".env cannot be read: it must be a text in UTF-8 that this user may read"
        raise SettingsError([SettingsProblem(text, kind=ProblemKind.ENV_FILE)]) from None
    return {name: value for each in both for name, value in each.items() if value}


def _read(file: Path) -> Configuration:
    try:
        return access_yaml.read(file, variables())
    except PolicyFileError as error:
        raise SettingsError(_in_policy_file(file, each) for each in error.problems) from None


def _in_policy_file(file: Path, problem: Problem) -> SettingsProblem:
    kind = ProblemKind.VALUE if problem.in_environment else ProblemKind.POLICY_FILE
    return SettingsProblem(f"{file.name}:{problem.line}: {problem.sentence}", kind=kind)


def _problems_in(file: Path) -> tuple[SettingsProblem, ...]:
    try:
        _read(file)
    except SettingsError as error:
        return error.problems
    return ()


def _variable(error: ErrorDetails) -> str:
    return str(error["loc"][0]).upper()


def _problem(error: ErrorDetails) -> SettingsProblem:
    variable = _variable(error)
    return SettingsProblem(_sentence(variable, error), (variable,))


def _sentence(variable: str, error: ErrorDetails) -> str:
    message = sentence_of(error)
    if error["type"] == "missing":
        return f"{variable} is not set: {_MEANING.get(variable, 'see .env.example')}"
    if len(error["loc"]) > 1:
        message = f"number {int(error['loc'][1]) + 1} in it {message}"
    return f"{variable}: {message}"
