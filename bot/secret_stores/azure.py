"""Azure Key Vault. Credentials come from `DefaultAzureCredential`: variables, workload or managed identity, `az`."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from pydantic import SecretStr

from bot.access.errors import Outage, Refusal
from bot.secret_stores.store import TIMEOUT_SECONDS, import_library, require_value

EXTRA = "azure"

_SERVER_ERROR = 500
_TOO_MANY = 429


@dataclass(frozen=True)
class AzureStore:
    """The newest version of a secret. `vault` is the vault's name, or a full host name in another Azure cloud."""

    vault: str
    secret: str

    @property
    def location(self) -> str:
        """Vault and name."""
        return f"the secret {self.secret} in the Azure Key Vault {self.vault}"

    @property
    def _url(self) -> str:
        return f"https://{self.vault}" if "." in self.vault else f"https://{self.vault}.vault.azure.net"

    def read(self) -> SecretStr:
        """The newest version."""
        with self._client() as client:
            return require_value(client.get_secret(self.secret).value, self.location)

    def previous(self) -> SecretStr | None:
        """The newest enabled version before the present one."""
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
        """Creates a new version with the type and tags of the present one."""
        with self._client() as client:
            present = client.get_secret(self.secret).properties
            client.set_secret(
                self.secret, secret.get_secret_value(), content_type=present.content_type, tags=present.tags
            )

    def check_writable(self) -> None:
        """Sets the type of the present version to the same value: the closest to a write that Azure allows."""
        with self._client() as client:
            present = client.get_secret(self.secret).properties
            client.update_secret_properties(self.secret, present.version, content_type=present.content_type)

    @contextmanager
    def _client(self) -> Iterator[Any]:
        secrets, identity = import_library("azure.keyvault.secrets", EXTRA), import_library("azure.identity", EXTRA)
        errors = import_library("azure.core.exceptions", EXTRA)
        limits = {"connection_timeout": TIMEOUT_SECONDS, "read_timeout": TIMEOUT_SECONDS, "retry_total": 1}
        try:
            with (
                identity.DefaultAzureCredential(exclude_interactive_browser_credential=True) as credential,
                secrets.SecretClient(self._url, credential, **limits) as client,
            ):
                yield client
        except errors.ClientAuthenticationError as error:
            raise Refusal(f"{self.location}: Azure does not know this account ({type(error).__name__})") from None
        except errors.HttpResponseError as error:
            raise self._domain_error(error) from None
        except errors.AzureError as error:
            raise Outage(f"{self.location}: Azure does not answer ({type(error).__name__})") from None

    def _domain_error(self, error: Any) -> Outage | Refusal:
        status = error.status_code
        if status is None or status == _TOO_MANY or status >= _SERVER_ERROR:
            return Outage(f"{self.location}: Azure is in trouble ({status})")
        return Refusal(f"{self.location}: Azure says no ({status})")
