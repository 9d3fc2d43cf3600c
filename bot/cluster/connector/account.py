"""Changes the connector account's own password, in the secret store and in the cluster."""

from elasticsearch import Elasticsearch
from pydantic import SecretStr

from bot.access.errors import Refusal
from bot.cluster.client import ask, ask_authenticated
from bot.cluster.connector.password import ConnectorPassword
from bot.secret_stores.store import SecretStore

NOT_ROTATED = (
    "the connector signs in with an API key or a certificate, which es-access does not replace. Put a new API key where"
    " the present one is kept: from a secret store it is read again when the cluster refuses the old one, from a"
    " variable at the next start"
)

LOOKS = 3
"""Reads of the store while another process rotates: a rotation takes less than a second."""


class ElasticsearchAccount:
    """The connector account of one cluster, for the domain's rotation."""

    def __init__(self, client: Elasticsearch, password: ConnectorPassword) -> None:
        self._client = client
        self._password = password

    @property
    def location(self) -> str:
        """The place of its password, in words."""
        return self._store().location

    def check_writable(self) -> None:
        """Returns when the account can be given a new password. Raises `Outage`, `Refusal`."""
        if not self._password.rotatable:
            raise Refusal(NOT_ROTATED)
        self._store().check_writable()

    def settle(self) -> bool:
        """Makes the cluster accept the password in the store. Returns whether it had to change it.

        It has to after a crash between the two writes of a rotation: the previous password still works, and the change
        is completed now. Raises `Outage`, `Refusal`.
        """
        if self._password.store is None:
            return False
        kept = self._store().read()
        for _ in range(LOOKS):
            if self._is_accepted(kept):
                self._password.use(kept)
                return False
            again = self._store().read()
            if again == kept:
                break
            kept = again
        old = self._find_working()
        self._password.use(old)
        self._password.expect(kept)
        self.change(kept)
        self._password.use(kept)
        return True

    def keep(self, password: SecretStr) -> None:
        """Writes it to the secret store. Raises `Outage`, `Refusal`."""
        self._store().write(password)
        self._password.expect(password)

    def change(self, password: SecretStr) -> None:
        """Changes the account's password in the cluster. Raises `Outage`, `Refusal`."""
        security = self._client.security
        # refresh=false: users are read by id in real time.
        ask(
            self._client,
            lambda: security.change_password(
                username=self._password.username, password=password.get_secret_value(), refresh=False
            ),
        )

    def use(self, password: SecretStr) -> None:
        """Uses the password for all further calls."""
        self._password.use(password)

    def restore(self) -> None:
        """Writes the password in use back to the store, when the cluster refused the new one.

        Raises `Outage`, `Refusal`.
        """
        self._store().write(self._password.current)

    def _store(self) -> SecretStore:
        if self._password.store is None:
            raise Refusal("its password is in no secret store")
        return self._password.store

    def _find_working(self) -> SecretStr:
        before = self._store().previous()
        candidates = [self._password.current, *([before] if before else [])]
        for each in candidates:
            if self._is_accepted(each):
                return each
        raise Refusal(f"the cluster takes neither the password in {self.location} nor the one before it")

    def _is_accepted(self, password: SecretStr) -> bool:
        # With its own authorization, so that the answer is about this password.
        with_it = self._client.options(basic_auth=(self._password.username, password.get_secret_value()))
        return ask_authenticated(with_it.security.authenticate)
