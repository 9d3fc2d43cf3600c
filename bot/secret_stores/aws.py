"""AWS Secrets Manager. Who we are is found as by every AWS tool: variables, files, the role of the machine."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from pydantic import SecretStr

from bot.access.errors import Outage, Refusal
from bot.secret_stores.document import value_in, with_value
from bot.secret_stores.store import TIMEOUT_SECONDS, filled, library

EXTRA = "aws"

_BUSY = frozenset(
    {"ThrottlingException", "InternalServiceError", "InternalServiceErrorException", "ServiceUnavailable",
     "RequestTimeout", "LimitExceededException"}
)  # fmt: skip
"""What it says when the same may work later ("Common errors", AWS Secrets Manager API)."""

_NOT_FOUND = "ResourceNotFoundException"
_SERVER_ERROR = 500


@dataclass(frozen=True)
class AwsStore:
    """The secret `secret_id` (a name or an ARN) in a region, or the value of `key` in its JSON."""

    region: str
    secret_id: str
    key: str | None = None

    @property
    def place(self) -> str:
        """Region and name."""
        return f"the secret {self.secret_id} in AWS Secrets Manager, {self.region}"

    def read(self) -> SecretStr:
        """The version AWSCURRENT."""
        return filled(value_in(self._text(self._found("AWSCURRENT")), self.key, self.place), self.place)

    def previous(self) -> SecretStr | None:
        """The version AWSPREVIOUS, a label that AWS moves at each write."""
        try:
            found = self._found("AWSPREVIOUS")
        except LookupError:
            return None
        value = value_in(self._text(found), self.key, self.place)
        return SecretStr(value) if value else None

    def write(self, secret: SecretStr) -> None:
        """Makes a new version, which becomes AWSCURRENT."""
        text = with_value(self._text(self._found("AWSCURRENT")), self.key, secret.get_secret_value(), self.place)
        with self._trouble(), self._client() as client:
            client.put_secret_value(SecretId=self.secret_id, SecretString=text)

    def check_writable(self) -> None:
        """Asks to store the present version once more under its own id, which AWS allows and ignores.

        ("If a version with this value already exists and the version of the SecretString and SecretBinary values are
        the same as those in the request, then the request is ignored": PutSecretValue, AWS Secrets Manager API.)
        """
        found = self._found("AWSCURRENT")
        with self._trouble(), self._client() as client:
            client.put_secret_value(
                SecretId=self.secret_id, SecretString=self._text(found), ClientRequestToken=found["VersionId"]
            )

    def _found(self, stage: str) -> dict[str, Any]:
        """Raises `LookupError` where the secret has no such version."""
        with self._trouble(stage), self._client() as client:
            found: dict[str, Any] = client.get_secret_value(SecretId=self.secret_id, VersionStage=stage)
        return found

    def _text(self, found: dict[str, Any]) -> str:
        text = found.get("SecretString")
        if not isinstance(text, str):
            raise Refusal(f"{self.place} is binary")
        return text

    @contextmanager
    def _client(self) -> Iterator[Any]:
        boto3, config = library("boto3", EXTRA), library("botocore.config", EXTRA)
        limits = config.Config(
            connect_timeout=TIMEOUT_SECONDS, read_timeout=TIMEOUT_SECONDS, retries={"total_max_attempts": 2}
        )
        # A session of its own: the default one is not safe to share between threads.
        client = boto3.session.Session().client("secretsmanager", region_name=self.region, config=limits)
        try:
            yield client
        finally:
            client.close()

    @contextmanager
    def _trouble(self, stage: str = "AWSCURRENT") -> Iterator[None]:
        errors = library("botocore.exceptions", EXTRA)
        try:
            yield
        except errors.ClientError as error:
            code = str(error.response.get("Error", {}).get("Code", ""))
            status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
            if code == _NOT_FOUND and stage == "AWSPREVIOUS":
                raise LookupError(stage) from None
            if code in _BUSY or status >= _SERVER_ERROR:
                raise Outage(f"{self.place}: AWS is in trouble ({code})") from None
            raise Refusal(f"{self.place}: AWS says no ({code})") from None
        except (errors.NoCredentialsError, errors.PartialCredentialsError, errors.ProfileNotFound):
            raise Refusal(f"{self.place}: there are no AWS credentials here") from None
        except errors.BotoCoreError as error:
            raise Outage(f"{self.place}: AWS does not answer ({type(error).__name__})") from None
