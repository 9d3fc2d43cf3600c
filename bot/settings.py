"""Settings: the environment and `.env`, checked as a whole before anything is started."""

import base64
import re
from collections.abc import Iterable
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from bot.access.durations import parse_duration
from bot.access.errors import AccessError
from bot.access.policy import Integration, Policy
from bot.cluster.client import Connection
from bot.storage.engine import database_url

_OWNER = re.compile(r"[UW][A-Z0-9]{5,}|@[^\s,@]+|[^\s,@]+@[^\s,@]+\.[^\s,@]+")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]{0,39}")


_MEANING = {
    "SLACK_BOT_TOKEN": "the bot token (xoxb-…) from your Slack app's page “OAuth & Permissions”",
    "ELASTICSEARCH_USERNAME": "the connector account, see “Install on your cluster” in the README",
    "ELASTICSEARCH_PASSWORD": "the connector account's password",
    "INTEGRATION_OWNER": "who may approve: Slack user ids, e-mails or @group handles, separated by commas",
}


class SettingsError(Exception):
    """One or more settings are missing or wrong. `problems` has a sentence for each, without any value."""

    def __init__(self, problems: Iterable[str]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(self.problems))


def _duration(text: object) -> object:
    if not isinstance(text, str):
        return text
    try:
        return parse_duration(text)
    except AccessError:
        raise ValueError("is no duration from 1m to 3650d, written like 8h, 7d or 2h30m") from None


def _owners(text: object) -> object:
    return tuple(part.strip() for part in text.split(",") if part.strip()) if isinstance(text, str) else text


def _each_is_an_owner(owners: tuple[str, ...]) -> tuple[str, ...]:
    for position, owner in enumerate(owners, 1):
        if not _OWNER.fullmatch(owner):
            raise ValueError(f"number {position} in it is no Slack user id (U012ABCDEF), e-mail or @group handle")
    return owners


def _a_name(name: str) -> str:
    if not _NAME.fullmatch(name):
        raise ValueError("must be letters, digits and hyphens, at most 40")
    return name


def _http_url(url: str) -> str:
    if not re.fullmatch(r"https?://[^\s/@]+(/\S*)?", url):
        raise ValueError("must be like https://host:9200, without a user or password in it")
    return url.rstrip("/")


def _a_cloud_id(cloud_id: str) -> str:
    try:
        parts = base64.b64decode(cloud_id.rpartition(":")[2], validate=True).decode().split("$")
    except ValueError:
        parts = []
    if len(parts) < 2:
        raise ValueError("is no Cloud ID: copy it from the deployment's page in Elastic Cloud")
    return cloud_id


def _a_database_url(url: SecretStr) -> SecretStr:
    database_url(url.get_secret_value())
    return url


def _a_file(path: Path) -> Path:
    try:
        found = path.is_file()
    except OSError:  # a name that is too long, a folder that may not be entered
        found = False
    if not found:
        raise ValueError("names no file")
    return path


Duration = Annotated[timedelta, BeforeValidator(_duration)]
Url = Annotated[str, AfterValidator(_http_url)]
Port = Annotated[int, Field(ge=0, le=65_535)]


class _Environment(BaseSettings):
    # Values are never shown in an error: any of them may be a secret put in the wrong place.
    model_config = SettingsConfigDict(
        env_file=".env", env_ignore_empty=True, extra="ignore", frozen=True, hide_input_in_errors=True
    )


class Settings(_Environment):
    """Every setting, as `.env.example` explains it. `load_settings` also checks what must be set together."""

    slack_bot_token: SecretStr
    slack_app_token: SecretStr | None = None
    slack_signing_secret: SecretStr | None = None
    slack_api_url: Annotated[str, AfterValidator(lambda url: _http_url(url) + "/")] = "https://slack.com/api/"

    elasticsearch_url: Url | None = None
    elasticsearch_cloud_id: Annotated[str, AfterValidator(_a_cloud_id)] | None = None
    elasticsearch_username: str
    elasticsearch_password: SecretStr
    elasticsearch_ca_certs: Annotated[Path, AfterValidator(_a_file)] | None = None
    elasticsearch_public_url: Url | None = None

    integration_name: Annotated[str, AfterValidator(_a_name)] = "elasticsearch"
    integration_owner: Annotated[
        tuple[str, ...],
        NoDecode,
        BeforeValidator(_owners),
        Field(min_length=1),
        AfterValidator(_each_is_an_owner),
    ]
    custom_access_details: str = Field(default="", max_length=400)
    max_duration: Duration = timedelta(days=7)
    pending_duration: Duration = timedelta(hours=8)

    database_url: Annotated[SecretStr, AfterValidator(_a_database_url)] = SecretStr("sqlite:///es-access.db")
    host: str = "0.0.0.0"  # noqa: S104 (a container's probes and Slack's requests come from outside of it)
    port: Port = 3000
    health_port: Port = 8080
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    log_format: Literal["console", "ecs"] = "console"

    @property
    def socket_mode(self) -> bool:
        """Whether Slack is listened to over its WebSocket; otherwise it calls us over HTTP."""
        return self.slack_app_token is not None

    def secrets(self) -> list[SecretStr]:
        """Everything that must never be shown."""
        values = [getattr(self, name) for name in type(self).model_fields]
        return [value for value in values if isinstance(value, SecretStr)]

    @property
    def connection(self) -> Connection:
        """How the cluster is reached."""
        return Connection(
            username=self.elasticsearch_username,
            password=self.elasticsearch_password,
            url=self.elasticsearch_url,
            cloud_id=self.elasticsearch_cloud_id,
            ca_certs=self.elasticsearch_ca_certs,
        )

    def policy(self) -> Policy:
        """One integration for everyone, made of the variables."""
        integration = Integration(
            name=self.integration_name,
            owners=self.integration_owner,
            public_url=self.elasticsearch_public_url or self.elasticsearch_url or self._cloud_url(),
            access_details=self.custom_access_details,
        )
        return Policy(integrations=(integration,), longest=self.max_duration, pending_for=self.pending_duration)

    def _cloud_url(self) -> str:
        # A Cloud ID is "name:base64(host$elasticsearch$kibana)" (Elastic, "Find your Cloud ID").
        host, cluster = base64.b64decode((self.elasticsearch_cloud_id or "").rpartition(":")[2]).decode().split("$")[:2]
        return f"https://{cluster}.{host}"


class _Ways(_Environment):
    """What comes in pairs, and what this version does not know yet."""

    slack_app_token: SecretStr | None = None
    slack_signing_secret: SecretStr | None = None
    elasticsearch_url: SecretStr | None = None
    elasticsearch_cloud_id: SecretStr | None = None
    access_config: SecretStr | None = None
    resource_owner_key: SecretStr | None = None
    credential_rotation_days: SecretStr | None = None
    user_cleanup_days: SecretStr | None = None

    def problems(self) -> Iterable[str]:
        if not self.slack_app_token and not self.slack_signing_secret:
            yield "SLACK_APP_TOKEN (xapp-…, for Socket Mode) or SLACK_SIGNING_SECRET (for HTTP): neither is set"
        if not self.elasticsearch_url and not self.elasticsearch_cloud_id:
            yield "ELASTICSEARCH_URL or ELASTICSEARCH_CLOUD_ID: neither is set"
        if self.elasticsearch_url and self.elasticsearch_cloud_id:
            yield "ELASTICSEARCH_URL and ELASTICSEARCH_CLOUD_ID: both are set, keep one"
        for name in ("access_config", "resource_owner_key", "credential_rotation_days", "user_cleanup_days"):
            # Better refused than ignored: whoever sets it relies on it.
            if getattr(self, name):
                yield f"{name.upper()}: not supported by this version, remove it"


def load_settings() -> Settings:
    """Reads the environment and `.env`. Raises `SettingsError` with every problem at once."""
    try:
        problems = list(_Ways().problems())
    except (UnicodeError, OSError):
        raise SettingsError([".env cannot be read: it must be a text in UTF-8 that this user may read"]) from None
    try:
        settings = Settings()
    except ValidationError as error:
        problems = [
            _sentence(str(each["loc"][0]).upper(), each["type"], each["msg"]) for each in error.errors()
        ] + problems
        raise SettingsError(problems) from None
    if problems:
        raise SettingsError(problems)
    return settings


def _sentence(variable: str, kind: str, message: str) -> str:
    if kind == "missing":
        return f"{variable} is not set: {_MEANING.get(variable, 'see .env.example')}"
    return f"{variable}: {message.removeprefix('Value error, ')}"
