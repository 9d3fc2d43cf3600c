"""The realms of a cluster, as far as its nodes tell their settings."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from elasticsearch import Elasticsearch

from bot.access.accounts.account import NATIVE, Account, AccountFault, UnusableAccount
from bot.access.errors import Refusal
from bot.access.ports import Clock
from bot.cluster.client import ask

READ_EVERY = timedelta(minutes=10)
"""How long settings are good for: realms change when nodes are restarted."""

_SHOWN = "nodes.*.settings.xpack.security.authc.realms.*.*.order"
"""A setting that every realm has, behind its type and name. A cluster with the default realms alone has none."""

_DEFAULT_NATIVE = "default_native"
"""The name of the realm of native users where no settings name it."""


@dataclass
class Realms:
    """The realms of one cluster. `monitor` permits reading the settings; a cluster may hide them."""

    client: Elasticsearch
    clock: Clock
    _types: Mapping[str, str] = field(default_factory=dict, init=False)
    _read_at: datetime | None = field(default=None, init=False)

    def check(self, realm: str) -> None:
        """Raises `UnusableAccount` if people cannot sign in by that realm or role mappings do not hold there, as far as
        this is known; `Outage`.
        """
        types = self._known()
        if realm not in types:
            types = self._read()
        if not types:
            return
        if realm not in types:
            raise UnusableAccount(
                f"the cluster has no realm {realm}: ask an administrator to look at the integration's accounts",
                AccountFault.NO_REALM,
            )
        if types[realm] == NATIVE:
            raise UnusableAccount(
                f"{realm} is the realm of native users: its name in the integration's accounts has to be {NATIVE}",
                AccountFault.NO_REALM,
            )

    def has(self, account: Account, realm: str) -> bool:
        """Whether the account is one of the realm that the cluster calls so. Raises `Outage`."""
        if not account.native:
            return account.realm == realm
        types = self._known() or self._read()
        return types.get(realm, NATIVE if realm == _DEFAULT_NATIVE else "") == NATIVE

    def _known(self) -> Mapping[str, str]:
        now = self.clock.now()
        fresh = self._read_at is not None and timedelta(0) <= now - self._read_at < READ_EVERY
        return self._types if fresh else {}

    def _read(self) -> Mapping[str, str]:
        """The type of each realm by its name; none if the cluster does not tell. Raises `Outage`."""
        info = self.client.nodes.info
        try:
            answer = ask(self.client, lambda: info(node_id="_local", metric="settings", filter_path=_SHOWN))
        except Refusal:
            return {}
        told = [each["settings"]["xpack"]["security"]["authc"]["realms"] for each in answer.get("nodes", {}).values()]
        self._types = {name: kind for realms in told for kind, named in realms.items() for name in named}
        self._read_at = self.clock.now()
        return self._types
