"""Temporary users and roles: made side by side, removed one by one, and read back."""

from collections.abc import Callable, Mapping
from concurrent.futures import Executor, wait
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any, TypeVar

from elasticsearch import Elasticsearch
from elasticsearch.client import SecurityClient
from pydantic import SecretStr

from bot.access.errors import Outage, Refusal
from bot.access.ports import CredentialSpec, Receipt
from bot.cluster.client import domain_errors

METADATA_KEY = "es_access"
"""Everything made by the application carries this key, so that it is told from what others made."""


_Answer = TypeVar("_Answer")


class _Owner(Enum):
    NOBODY = auto()
    APPLICATION = auto()
    SOMEBODY_ELSE = auto()


@dataclass(frozen=True)
class Credentials:
    """Makes and removes what a grant is in the cluster: one role and one user of the same name."""

    client: Elasticsearch
    executor: Executor

    def create(self, spec: CredentialSpec, password: SecretStr) -> None:
        """Makes role and user side by side. Raises `Outage`, `Refusal`, also for a name that somebody else uses."""
        with domain_errors():
            if self._owner_of(spec.username) is _Owner.SOMEBODY_ELSE:
                raise Refusal(f"the name {spec.username} is taken by a user or role that es-access did not make")
        metadata = {METADATA_KEY: _metadata(spec)}
        role = self.executor.submit(self._put_role, spec, metadata)
        try:
            self._put_user(spec, metadata, password)
        finally:
            wait([role])  # so that nothing of this attempt reaches the cluster after it was given up
        role.result()

    def _put_role(self, spec: CredentialSpec, metadata: Mapping[str, Any]) -> None:
        # refresh=false: roles and users are read by id in real time, and waiting for a refresh takes up to a second.
        with domain_errors():
            self.client.security.put_role(
                name=spec.username,
                indices=[{
                    "names": list(spec.patterns),
                    "privileges": list(spec.index_privileges),
                    "allow_restricted_indices": False,
                }],
                metadata=metadata,
                refresh=False,
            )  # fmt: skip

    def _put_user(self, spec: CredentialSpec, metadata: Mapping[str, Any], password: SecretStr) -> None:
        with domain_errors():
            self.client.security.put_user(
                username=spec.username,
                password=password.get_secret_value(),
                roles=[spec.username],
                full_name=f"es-access {spec.grant_id} for {spec.requester}",
                metadata=metadata,
                refresh=False,
            )

    def remove(self, username: str) -> Receipt:
        """Deletes the user first, which stops its password; then its API keys, which outlive it; then its role.

        Each is tried whatever became of the others, and each is read back.
        """
        errors: list[str] = []
        owner = _trying(errors, lambda: self._owner_of(username))
        if owner is _Owner.SOMEBODY_ELSE:
            return Receipt(user_gone=True, role_gone=True, keys_left=0, errors=("the name is somebody else's",))
        security = self._lenient
        _trying(errors, lambda: security.delete_user(username=username, refresh=False))
        _trying(errors, lambda: security.invalidate_api_key(username=username))
        _trying(errors, lambda: security.delete_role(name=username, refresh=False))
        user_gone = _trying(errors, lambda: not self._user(username))
        role_gone = _trying(errors, lambda: not self._role(username))
        keys = _trying(errors, lambda: len(security.get_api_key(username=username, active_only=True)["api_keys"]))
        return Receipt(bool(user_gone), bool(role_gone), keys, tuple(dict.fromkeys(errors)))

    def _owner_of(self, name: str) -> _Owner:
        found = [*self._user(name).values(), *self._role(name).values()]
        if not found:
            return _Owner.NOBODY
        ours = all(METADATA_KEY in each.get("metadata", {}) for each in found)
        return _Owner.APPLICATION if ours else _Owner.SOMEBODY_ELSE

    def _user(self, username: str) -> Mapping[str, Any]:
        answer: Mapping[str, Any] = self._lenient.get_user(username=username).body
        return answer

    def _role(self, name: str) -> Mapping[str, Any]:
        answer: Mapping[str, Any] = self._lenient.get_role(name=name).body
        return answer

    @property
    def _lenient(self) -> SecurityClient:
        """For calls to which "there is no such thing" is a good answer: an empty one, instead of an error."""
        return self.client.options(ignore_status=404).security


def _metadata(spec: CredentialSpec) -> dict[str, str]:
    return {"grant": spec.grant_id, "requester": spec.requester, "expires_at": spec.expires_at.isoformat()}


def _trying(errors: list[str], call: Callable[[], _Answer]) -> _Answer | None:
    try:
        with domain_errors():
            return call()
    except (Outage, Refusal) as error:
        errors.append(str(error))
        return None
