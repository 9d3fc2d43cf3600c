"""Changing the connector account's own password, in the secret store and in the cluster."""

from elasticsearch import Elasticsearch
from pydantic import SecretStr

from bot.access.errors import Refusal
from bot.cluster.client import ask, ask_authenticated
from bot.cluster.connector_password import ConnectorPassword
from bot.secret_stores.store import SecretStore

LOOKS = 3
"""Into the store, while somebody else is rotating: a rotation takes less than a second."""


class ElasticsearchAccount:
    """The connector account of one cluster, as the domain's rotation drives it."""

    def __init__(self, client: Elasticsearch, password: ConnectorPassword) -> None:
        self._client = client
        self._password = password

    @property
    def place(self) -> str:
        """Where its password is kept, for people."""
        return self._store().place

    def check_writable(self) -> None:
        """Returns when the store can be written. Raises `Outage`, `Refusal`."""
        self._store().check_writable()

    def settle(self) -> bool:
        """Makes the password in the store the one that the cluster takes. Returns whether it was not.

        It is not after a crash between the two writes of a rotation: then the one before still works, and the change
        is made now. Raises `Outage`, `Refusal`.
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
        """Makes it the account's password in the cluster. Raises `Outage`, `Refusal`."""
        security = self._client.security
        # refresh=false: users are read by id in real time.
        ask(
            lambda: security.change_password(
                username=self._password.username, password=password.get_secret_value(), refresh=False
            )
        )

    def use(self, password: SecretStr) -> None:
        """Makes all further calls with it."""
        self._password.use(password)

    def restore(self) -> None:
        """Writes the password in use to the store again, where another one was refused. Raises `Outage`, `Refusal`."""
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
        raise Refusal(f"the cluster takes neither the password in {self.place} nor the one before it")

    def _is_accepted(self, password: SecretStr) -> bool:
        # With its own authorization: the answer is about this password and no other.
        with_it = self._client.options(basic_auth=(self._password.username, password.get_secret_value()))
        return ask_authenticated(with_it.security.authenticate)
