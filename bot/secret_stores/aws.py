"""AWS Secrets Manager. Credentials come from the usual places: variables, files, or the role of the machine."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from pydantic import SecretStr

from bot.access.errors import Outage, Refusal
from bot.secret_stores.document import value_in, with_value
from bot.secret_stores.store import TIMEOUT_SECONDS, import_library, require_value

EXTRA = "aws"

_BUSY = frozenset(
    {"ThrottlingException", "InternalServiceError", "InternalServiceErrorException", "ServiceUnavailable",
     "RequestTimeout", "LimitExceededException"}
)  # fmt: skip
"""Error codes after which a retry may work ("Common errors", AWS Secrets Manager API)."""

_NOT_FOUND = "ResourceNotFoundException"
_SERVER_ERROR = 500


@dataclass(frozen=True)
class AwsStore:
    """The secret `secret_id` (a name or an ARN) in a region, or the value of `key` in its JSON."""

    region: str
    secret_id: str
    key: str | None = None

    @property
    def location(self) -> str:
        """Region and name."""
        return f"the secret {self.secret_id} in AWS Secrets Manager, {self.region}"

    def read(self) -> SecretStr:
        """The version AWSCURRENT."""
        return require_value(value_in(self._text(self._found("AWSCURRENT")), self.key, self.location), self.location)

    def previous(self) -> SecretStr | None:
        """The version AWSPREVIOUS, a label that AWS moves with each write."""
        try:
            found = self._found("AWSPREVIOUS")
        except LookupError:
            return None
        value = value_in(self._text(found), self.key, self.location)
        return SecretStr(value) if value else None

    def write(self, secret: SecretStr) -> None:
        """Creates a new version, which becomes AWSCURRENT."""
        text = with_value(self._text(self._found("AWSCURRENT")), self.key, secret.get_secret_value(), self.location)
        with self._domain_errors(), self._client() as client:
            client.put_secret_value(SecretId=self.secret_id, SecretString=text)

    def check_writable(self) -> None:
        """Stores the present version again under its own id, which AWS permits and ignores.

        ("If a version with this value already exists and the version of the SecretString and SecretBinary values are
        the same as those in the request, then the request is ignored": PutSecretValue, AWS Secrets Manager API.)
        """
        found = self._found("AWSCURRENT")
        with self._domain_errors(), self._client() as client:
            client.put_secret_value(
                SecretId=self.secret_id, SecretString=self._text(found), ClientRequestToken=found["VersionId"]
            )

    def _found(self, stage: str) -> dict[str, Any]:
        """The version with that label. Raises `LookupError` when there is no previous version."""
        with self._domain_errors(stage), self._client() as client:
            found: dict[str, Any] = client.get_secret_value(SecretId=self.secret_id, VersionStage=stage)
        return found

    def _text(self, found: dict[str, Any]) -> str:
        text = found.get("SecretString")
        if not isinstance(text, str):
            raise Refusal(f"{self.location} is binary")
        return text

    @contextmanager
    def _client(self) -> Iterator[Any]:
        boto3, config = import_library("boto3", EXTRA), import_library("botocore.config", EXTRA)
        limits = config.Config(
            connect_timeout=TIMEOUT_SECONDS, read_timeout=TIMEOUT_SECONDS, retries={"total_max_attempts": 2}
        )
        # Its own session: the default one is not safe to share between threads.
        client = boto3.session.Session().client("secretsmanager", region_name=self.region, config=limits)
        try:
            yield client
        finally:
            client.close()

    @contextmanager
    def _domain_errors(self, stage: str = "AWSCURRENT") -> Iterator[None]:
        errors = import_library("botocore.exceptions", EXTRA)
        try:
            yield
        except errors.ClientError as error:
            code = str(error.response.get("Error", {}).get("Code", ""))
            status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
            if code == _NOT_FOUND and stage == "AWSPREVIOUS":
                raise LookupError(stage) from None
            if code in _BUSY or status >= _SERVER_ERROR:
                raise Outage(f"{self.location}: AWS is in trouble ({code})") from None
            raise Refusal(f"{self.location}: AWS says no ({code})") from None
        except (errors.NoCredentialsError, errors.PartialCredentialsError, errors.ProfileNotFound):
            raise Refusal(f"{self.location}: there are no AWS credentials here") from None
        except errors.BotoCoreError as error:
            raise Outage(f"{self.location}: AWS does not answer ({type(error).__name__})") from None
