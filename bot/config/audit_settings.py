"""Settings of the database and the audit trail. `bot audit` needs no others."""

from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict
from sqlalchemy.engine import URL

from bot.cluster.client import ClusterConnection
from bot.config.access_yaml.error_messages import sentence_of
from bot.config.configuration import ExistingFile, Url
from bot.config.settings_error import SettingsProblem
from bot.storage.engine import database_url

ENV_FILE = ".env"

_INDEX = r"^[a-z0-9][a-z0-9._-]{0,199}$"
"""The name of one index or data stream: no pattern, and not hidden."""


class Environment(BaseSettings):
    """Settings from the environment, which takes precedence over `.env`."""

    # Errors never show values: any of them may be a secret in the wrong place.
    model_config = SettingsConfigDict(
        env_file=ENV_FILE, env_ignore_empty=True, extra="ignore", frozen=True, hide_input_in_errors=True
    )


def _a_database_url(url: SecretStr) -> SecretStr:
    database_url(url.get_secret_value())
    return url


class AuditSettings(Environment):
    """The database of the events, and the index for copies of them. The account for the index can do nothing else."""

    database_url: Annotated[SecretStr, AfterValidator(_a_database_url)] = SecretStr("sqlite:///es-access.db")
    audit_index: Annotated[str, Field(pattern=_INDEX)] | None = None
    audit_url: Url | None = None
    audit_username: str = ""
    audit_password: SecretStr = SecretStr("")
    audit_api_key: SecretStr | None = None
    audit_ca_certs: ExistingFile | None = None

    def audit_problems(self) -> list[SettingsProblem]:
        """Problems of settings that must be set together."""
        if self.audit_index is None:
            return []
        problems = []
        if not self.audit_url:
            text = "AUDIT_URL is not set: the cluster that AUDIT_INDEX is in"
            problems.append(SettingsProblem(text, ("AUDIT_URL",)))
        by_password = bool(self.audit_username and self.audit_password.get_secret_value())
        if by_password == (self.audit_api_key is not None):
            text = "AUDIT_USERNAME with AUDIT_PASSWORD, or AUDIT_API_KEY: set one of the two"
            problems.append(SettingsProblem(text, ("AUDIT_USERNAME", "AUDIT_PASSWORD", "AUDIT_API_KEY")))
        return problems

    def audit_connection(self) -> ClusterConnection | None:
        """The connection to the cluster of the audit index; `None` when there is none."""
        if self.audit_index is None:
            return None
        certs: Path | None = self.audit_ca_certs
        return ClusterConnection(
            self.audit_username, self.audit_password, url=self.audit_url, ca_certs=certs, api_key=self.audit_api_key
        )


class DatabaseSettingError(Exception):
    """The database cannot be used. The text is a sentence without the value of DATABASE_URL."""


def database_only() -> URL:
    """The URL of the database, without reading other settings. Raises `DatabaseSettingError`."""
    try:
        return database_url(_DatabaseSetting().database_url.get_secret_value())
    except ValidationError as error:
        raise DatabaseSettingError(f"DATABASE_URL: {sentence_of(error.errors()[0])}") from None


class _DatabaseSetting(Environment):
    database_url: Annotated[SecretStr, AfterValidator(_a_database_url)] = SecretStr("sqlite:///es-access.db")
