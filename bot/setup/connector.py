"""Makes the connector account in a cluster, with an administrator's account that is used for this alone."""

import os
import re
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path

from elasticsearch import Elasticsearch
from pydantic import SecretStr

from bot.access.errors import Refusal
from bot.access.passwords import new_password
from bot.cluster.client import ClusterConnection, ask, ask_if_exists
from bot.cluster.connector.privileges import ROLE, read_privileges
from bot.config import access_yaml
from bot.config.configuration import http_url
from bot.config.secret_references import PASSWORD_VARIABLE
from bot.secret_stores import SecretStore, is_reference, open_secret_store
from bot.secret_stores.environment import EnvironmentStore
from bot.secret_stores.file import FileStore
from bot.setup.env_file import PRIVATE, EnvFile

DEFAULT_NAME = "es-access-connector"
"""Of the account, where the settings name none, and of its role."""

_UNKNOWN = "not known yet"
"""Stands for a password that the policy names and nobody has made yet."""

Connect = Callable[[ClusterConnection], Elasticsearch]
Administrator = tuple[str, SecretStr]
"""Name and password."""


@dataclass(frozen=True)
class NewConnector:
    """The connector account that the settings want: where, of what name, and where its password is to be kept."""

    connection: ClusterConnection
    keeper: SecretStore | EnvFile
    connect: Connect

    @property
    def name(self) -> str:
        """Of the account."""
        return self.connection.username

    def exists(self, administrator: Administrator) -> bool:
        """Whether the account is there already. Raises `Outage`, `Refusal`."""
        with closing(self._client(*administrator)) as client:
            return bool(ask_if_exists(client, lambda: client.security.get_user(username=self.name)))

    def make(self, administrator: Administrator) -> None:
        """Makes role and account, with a new password, and signs in with it. Raises `Outage`, `Refusal`.

        The password is kept first: a process that ends in between leaves one that is completed by the next run.
        """
        password = new_password()
        self.keeper.check_writable()
        self._keep(password)
        with closing(self._client(*administrator)) as client:
            security = client.security
            ask(client, lambda: security.put_role(name=DEFAULT_NAME, **ROLE))
            ask(
                client,
                lambda: security.put_user(
                    username=self.name,
                    password=password.get_secret_value(),
                    roles=[DEFAULT_NAME],
                    full_name="es-access",
                ),
            )
        with closing(self._client(self.name, password)) as client:
            missing = read_privileges(client).missing
        if missing:
            raise Refusal(f"the account signs in, but lacks {', '.join(missing)}")

    def _keep(self, password: SecretStr) -> None:
        if isinstance(self.keeper, FileStore) and not self.keeper.path.exists():
            self.keeper.path.touch(PRIVATE)  # a store replaces secrets, and makes no first one
            self.keeper.path.write_text(password.get_secret_value(), encoding="utf-8")
        else:
            self.keeper.write(password)

    def _client(self, username: str, password: SecretStr) -> Elasticsearch:
        return self.connect(replace(self.connection, username=username, password=password, store=None))


def find_new_connector(variables: Mapping[str, str], cluster: str | None, connect: Connect) -> NewConnector:
    """The connector of the one cluster that the settings have, or of the one named. Raises `Refusal`.

    Tokens and owners may still be missing.
    """
    config = variables.get("ACCESS_CONFIG")
    connection = _in_policy(Path(config), variables, cluster) if config else _in_variables(variables)
    if not connection.username:
        raise Refusal("the settings let the connector sign in with an API key or a certificate, so it needs no account")
    store = connection.store
    if isinstance(store, EnvironmentStore):
        if store.name in os.environ:
            raise Refusal(
                f"{store.name} is set in the environment, where no password can be kept: take it out of there"
            )
        return NewConnector(connection, EnvFile(store.name), connect)
    if store is None:
        raise Refusal("the settings name no place for the connector's password")
    return NewConnector(connection, store, connect)


def _in_policy(file: Path, variables: Mapping[str, str], cluster: str | None) -> ClusterConnection:
    try:
        named = re.findall(r"env:([A-Za-z_][A-Za-z0-9_]*)", file.read_text(encoding="utf-8"))
        connections = access_yaml.read(file, {**dict.fromkeys(named, _UNKNOWN), **variables}).connections
    except (OSError, UnicodeError):
        raise Refusal(f"{file} cannot be read") from None
    except access_yaml.PolicyFileError as error:
        first = error.problems[0]
        raise Refusal(f"{file.name}:{first.line}: {first.sentence}") from None
    known = ", ".join(connections)
    if cluster is None and len(connections) > 1:
        raise Refusal(f"say which cluster, with --cluster: {known}")
    if cluster is not None and cluster not in connections:
        raise Refusal(f"there is no cluster {cluster[:40]}. There is: {known}")
    return connections[cluster or known]


def _in_variables(variables: Mapping[str, str]) -> ClusterConnection:
    address, cloud_id = variables.get("ELASTICSEARCH_URL"), variables.get("ELASTICSEARCH_CLOUD_ID")
    if not address and not cloud_id:
        raise Refusal("ELASTICSEARCH_URL is not set: fill it in first, in .env")
    try:
        url = http_url(address) if address else None
    except ValueError as error:
        raise Refusal(f"ELASTICSEARCH_URL {error}") from None
    if variables.get("ELASTICSEARCH_API_KEY"):
        return ClusterConnection("", SecretStr(""), url, cloud_id)
    text = variables.get(PASSWORD_VARIABLE, "")
    try:
        store = open_secret_store(text, variables) if is_reference(text) else None
    except ValueError as error:
        raise Refusal(f"{PASSWORD_VARIABLE}: {error}") from None
    files = {name: _file(variables.get(f"ELASTICSEARCH_{name.upper()}")) for name in ("ca_certs", "client_certificate")}
    return ClusterConnection(
        variables.get("ELASTICSEARCH_USERNAME") or DEFAULT_NAME,
        SecretStr(""),
        url,
        cloud_id,
        ca_certs=files["ca_certs"],
        store=store or EnvironmentStore(PASSWORD_VARIABLE, SecretStr(text)),
        client_certificate=files["client_certificate"],
        client_key=_file(variables.get("ELASTICSEARCH_CLIENT_KEY")),
    )


def _file(path: str | None) -> Path | None:
    return Path(path) if path else None
