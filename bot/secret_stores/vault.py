"""HashiCorp Vault: one key of a secret in a "KV version 2" engine."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from pydantic import SecretStr

from bot.access.errors import Outage, Refusal
from bot.secret_stores.store import TIMEOUT_SECONDS, import_library, require_value

EXTRA = "vault"

LOOK_BACK = 10
"""Versions: as many as the engine keeps by default ("KV secrets engine, version 2", HashiCorp)."""

_ENOUGH = frozenset({"root", "update"})
"""Capabilities, each of which allows a new version of an existing secret."""


@dataclass(frozen=True)
class VaultStore:
    """The value of `key` in the secret `path` of the engine at `mount`.

    The token is in `VAULT_TOKEN`, or in `~/.vault-token`, which an agent renews. TLS is used unless `VAULT_ADDR` names
    the same server with `http://`. `VAULT_CACERT` and `VAULT_NAMESPACE` apply too.
    """

    server: str
    mount: str
    path: str
    key: str

    @property
    def location(self) -> str:
        """Path and key."""
        return f"{self.key} of the secret {self.mount}/{self.path} in Vault, {self.server}"

    def read(self) -> SecretStr:
        """The newest version."""
        with self._client() as client:
            return require_value(self._value_in(self._newest(client)), self.location)

    def previous(self) -> SecretStr | None:
        """The newest older value that differs: later versions may have changed only other keys of the secret."""
        with self._client() as client:
            found = self._newest(client)
            present, newest = self._value_in(found), int(found["metadata"]["version"])
            for version in range(newest - 1, max(0, newest - 1 - LOOK_BACK), -1):
                value = self._of_version(client, version)
                if value and value != present:
                    return SecretStr(value)
        return None

    def write(self, secret: SecretStr) -> None:
        """Creates a new version with this key changed. Raises `Refusal` when another writer was first."""
        with self._client() as client:
            found = self._newest(client)
            client.secrets.kv.v2.create_or_update_secret(
                path=self.path,
                mount_point=self.mount,
                secret={**found["data"], self.key: secret.get_secret_value()},
                cas=found["metadata"]["version"],
            )

    def check_writable(self) -> None:
        """Asks Vault for the token's capabilities on the secret. Raises `Refusal`."""
        where = f"{self.mount}/data/{self.path}"
        with self._client() as client:
            held = client.sys.get_capabilities(paths=[where]).get("data", {}).get(where, ())
        if _ENOUGH.isdisjoint(held):
            raise Refusal(f"{self.location} cannot be written: this token lacks update on {where}")

    def _newest(self, client: Any) -> dict[str, Any]:
        return self._version(client, None)

    def _version(self, client: Any, version: int | None) -> dict[str, Any]:
        answer = client.secrets.kv.v2.read_secret_version(
            path=self.path, mount_point=self.mount, version=version, raise_on_deleted_version=True
        )
        found: dict[str, Any] = answer["data"]
        return found

    def _of_version(self, client: Any, version: int) -> str | None:
        invalid_path = import_library("hvac.exceptions", EXTRA).InvalidPath
        try:
            value = self._version(client, version)["data"].get(self.key)
        except invalid_path:
            return None  # deleted, destroyed, or no longer kept
        return value if isinstance(value, str) else None

    def _value_in(self, found: dict[str, Any]) -> str:
        value = found["data"].get(self.key)
        if not isinstance(value, str):
            raise Refusal(f"{self.location}: there is no text under this key")
        return value

    @contextmanager
    def _client(self) -> Iterator[Any]:
        hvac, errors = import_library("hvac", EXTRA), import_library("hvac.exceptions", EXTRA)
        requests = import_library("requests", EXTRA)
        client = hvac.Client(
            url=self._address(),
            namespace=os.environ.get("VAULT_NAMESPACE"),
            verify=os.environ.get("VAULT_CACERT") or True,
            timeout=TIMEOUT_SECONDS,
        )
        try:
            yield client
        except (errors.VaultDown, errors.InternalServerError, errors.RateLimitExceeded, errors.BadGateway) as error:
            raise Outage(f"{self.location}: Vault is in trouble ({type(error).__name__})") from None
        except errors.InvalidPath:
            raise Refusal(f"{self.location} is not there") from None
        except errors.VaultError as error:
            raise Refusal(f"{self.location}: Vault says no ({type(error).__name__})") from None
        except requests.exceptions.RequestException as error:
            raise Outage(f"{self.location}: Vault does not answer ({type(error).__name__})") from None
        finally:
            client.adapter.close()

    def _address(self) -> str:
        named = urlsplit(os.environ.get("VAULT_ADDR", ""))
        return f"{'http' if (named.scheme, named.netloc) == ('http', self.server) else 'https'}://{self.server}"
