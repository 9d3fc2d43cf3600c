"""Azure Key Vault. Who we are is found by `DefaultAzureCredential`: variables, workload or managed identity, `az`."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from pydantic import SecretStr

from bot.access.errors import Outage, Refusal
from bot.secret_stores.store import TIMEOUT_SECONDS, filled, library

EXTRA = "azure"

_SERVER_ERROR = 500
_TOO_MANY = 429


@dataclass(frozen=True)
class AzureStore:
    """The newest version of a secret. `vault` is its name, or a whole host name in another cloud of Azure's."""

    vault: str
    secret: str

    @property
    def place(self) -> str:
        """Vault and name."""
        return f"the secret {self.secret} in the Azure Key Vault {self.vault}"

    @property
    def _url(self) -> str:
        return f"https://{self.vault}" if "." in self.vault else f"https://{self.vault}.vault.azure.net"

    def read(self) -> SecretStr:
        """The newest version."""
        with self._client() as client:
            return filled(client.get_secret(self.secret).value, self.place)

    def previous(self) -> SecretStr | None:
        """The newest version before that one that is still enabled."""
        with self._client() as client:
            present = client.get_secret(self.secret).properties.version
            versions = [each for each in client.list_properties_of_secret_versions(self.secret) if each.enabled]
            before = [each for each in versions if each.version != present]
            if not before:
                return None
            newest = max(before, key=lambda each: each.created_on)
            value = client.get_secret(self.secret, newest.version).value
            return SecretStr(value) if value else None

    def write(self, secret: SecretStr) -> None:
        """Makes a new version, with the type and tags of the one before."""
        with self._client() as client:
            kept = client.get_secret(self.secret).properties
            client.set_secret(self.secret, secret.get_secret_value(), content_type=kept.content_type, tags=kept.tags)

    def check_writable(self) -> None:
        """Sets the type of the present version to what it is: as near as Azure lets one come to a write."""
        with self._client() as client:
            kept = client.get_secret(self.secret).properties
            client.update_secret_properties(self.secret, kept.version, content_type=kept.content_type)

    @contextmanager
    def _client(self) -> Iterator[Any]:
        secrets, identity = library("azure.keyvault.secrets", EXTRA), library("azure.identity", EXTRA)
        errors = library("azure.core.exceptions", EXTRA)
        limits = {"connection_timeout": TIMEOUT_SECONDS, "read_timeout": TIMEOUT_SECONDS, "retry_total": 1}
        try:
            with (
                identity.DefaultAzureCredential(exclude_interactive_browser_credential=True) as credential,
                secrets.SecretClient(self._url, credential, **limits) as client,
            ):
                yield client
        except errors.ClientAuthenticationError as error:
            raise Refusal(f"{self.place}: Azure does not know this account ({type(error).__name__})") from None
        except errors.HttpResponseError as error:
            raise self._said(error) from None
        except errors.AzureError as error:
            raise Outage(f"{self.place}: Azure does not answer ({type(error).__name__})") from None

    def _said(self, error: Any) -> Outage | Refusal:
        status = error.status_code
        if status is None or status == _TOO_MANY or status >= _SERVER_ERROR:
            return Outage(f"{self.place}: Azure is in trouble ({status})")
        return Refusal(f"{self.place}: Azure says no ({status})")
