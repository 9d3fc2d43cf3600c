"""Google Secret Manager. Credentials are Google's "Application Default Credentials"."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from pydantic import SecretStr

from bot.access.errors import Outage, Refusal
from bot.secret_stores.store import TIMEOUT_SECONDS, import_library, require_value

EXTRA = "gcp"

EMULATOR = "SECRET_MANAGER_EMULATOR_HOST"
"""A variable with `HOST:PORT` of a server that is used without TLS and credentials. Only for tests."""

PERMISSION = "secretmanager.versions.add"

_BUSY = ("DeadlineExceeded", "RetryError", "ServerError", "TooManyRequests", "Cancelled", "Unknown")
"""Classes of `google.api_core.exceptions` after which a retry may work."""


@dataclass(frozen=True)
class GoogleStore:
    """The newest version of a secret."""

    project: str
    secret: str

    @property
    def location(self) -> str:
        """Project and name."""
        return f"the secret {self.secret} in Google Secret Manager, {self.project}"

    @property
    def _name(self) -> str:
        return f"projects/{self.project}/secrets/{self.secret}"

    def read(self) -> SecretStr:
        """The version with Google's alias "latest"."""
        with self._client() as client:
            return require_value(self._payload(client, f"{self._name}/versions/latest"), self.location)

    def previous(self) -> SecretStr | None:
        """The newest enabled version before the present one."""
        with self._client() as client:
            request = {"parent": self._name, "filter": "state:ENABLED"}
            found = client.list_secret_versions(request=request, timeout=TIMEOUT_SECONDS, retry=None)
            numbers = sorted((int(each.name.rpartition("/")[2]) for each in found), reverse=True)
            if len(numbers) < 2:
                return None
            value = self._payload(client, f"{self._name}/versions/{numbers[1]}")
            return SecretStr(value) if value else None

    def write(self, secret: SecretStr) -> None:
        """Adds a version. Those before stay, until somebody destroys them."""
        payload = {"data": secret.get_secret_value().encode()}
        with self._client() as client:
            request = {"parent": self._name, "payload": payload}
            client.add_secret_version(request=request, timeout=TIMEOUT_SECONDS, retry=None)

    def check_writable(self) -> None:
        """Asks Google whether we may add a version. Raises `Refusal`."""
        with self._client() as client:
            request = {"resource": self._name, "permissions": [PERMISSION]}
            held = client.test_iam_permissions(request=request, timeout=TIMEOUT_SECONDS, retry=None).permissions
        if PERMISSION not in held:
            raise Refusal(f"{self.location} cannot be written: this account lacks {PERMISSION}")

    def _payload(self, client: Any, version: str) -> str:
        answer = client.access_secret_version(request={"name": version}, timeout=TIMEOUT_SECONDS, retry=None)
        try:
            text: str = answer.payload.data.decode("utf-8")
        except UnicodeDecodeError:
            raise Refusal(f"{self.location} is no text in UTF-8") from None
        return text

    @contextmanager
    def _client(self) -> Iterator[Any]:
        errors = import_library("google.api_core.exceptions", EXTRA)
        credentials = import_library("google.auth.exceptions", EXTRA)
        try:
            with _connected() as client:
                yield client
        except errors.NotFound:
            raise Refusal(f"{self.location} is not there, or has no version") from None
        except tuple(getattr(errors, name) for name in _BUSY) as error:
            raise Outage(f"{self.location}: Google does not answer ({type(error).__name__})") from None
        except errors.GoogleAPICallError as error:
            raise Refusal(f"{self.location}: Google says no ({type(error).__name__})") from None
        except credentials.TransportError as error:
            raise Outage(f"{self.location}: Google does not answer ({type(error).__name__})") from None
        except credentials.GoogleAuthError as error:
            raise Refusal(f"{self.location}: there are no Google credentials here ({type(error).__name__})") from None


@contextmanager
def _connected() -> Iterator[Any]:
    manager = import_library("google.cloud.secretmanager_v1", EXTRA)
    emulator = os.environ.get(EMULATOR)
    transport = None
    if emulator:
        grpc = import_library("grpc", EXTRA)
        transports = import_library("google.cloud.secretmanager_v1.services.secret_manager_service.transports", EXTRA)
        transport = transports.SecretManagerServiceGrpcTransport(channel=grpc.insecure_channel(emulator))
    client = manager.SecretManagerServiceClient(transport=transport)
    try:
        yield client
    finally:
        client.transport.close()
