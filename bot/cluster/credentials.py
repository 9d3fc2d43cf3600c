"""Temporary users and roles: made side by side, removed one by one, and read back."""

import re
from collections.abc import Callable, Mapping
from concurrent.futures import Executor, wait
from dataclasses import dataclass
from typing import Any, TypeVar

from elasticsearch import Elasticsearch
from pydantic import SecretStr

from bot.access.errors import Outage, Refusal
from bot.access.ports import CredentialSpec, Receipt
from bot.cluster.client import ask, ask_for

METADATA_KEY = "es_access"
"""Everything made by the application carries this key, so that it is told from what others made."""

_KIBANA = "kibana-.kibana"
"""What Kibana's privileges are filed under in a role: `kibana-` and its index ("Application privileges", Kibana)."""

_Answer = TypeVar("_Answer")


@dataclass(frozen=True)
class Credentials:
    """Makes and removes what a grant is in the cluster: one role and one user of the same name."""

    client: Elasticsearch
    executor: Executor

    def create(self, spec: CredentialSpec, password: SecretStr) -> None:
        """Makes role and user side by side. Raises `Outage`, `Refusal`, also for a name that somebody else uses."""
        if not all(_ours(each) for each in self._found(spec.username)):
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
        ask(
            lambda: self.client.security.put_role(
                name=spec.username,
                **_rights(spec),
                metadata=metadata,
                refresh=False,
            )
        )

    def _put_user(self, spec: CredentialSpec, metadata: Mapping[str, Any], password: SecretStr) -> None:
        ask(
            lambda: self.client.security.put_user(
                username=spec.username,
                password=password.get_secret_value(),
                roles=[spec.username],
                full_name=f"es-access {spec.grant_id} for {spec.requester}",
                metadata=metadata,
                refresh=False,
            )
        )

    def remove(self, username: str) -> Receipt:
        """Deletes the user first, which stops its password; then its API keys, which outlive it; then its role.

        Each is tried whatever became of the others, and each is read back. Nothing is touched before it is known whose
        the name is.
        """
        errors: list[str] = []
        found = _trying(errors, lambda: self._found(username))
        if found is None:
            return Receipt(user_gone=False, role_gone=False, keys_left=None, errors=tuple(errors))
        # Both were ours when they were made. An administrator who changed one of them may have dropped its metadata:
        # that must not keep it alive.
        if found and not any(_ours(each) for each in found):
            error = f"{username} does not say that es-access made it, so it was left alone"
            return Receipt(user_gone=False, role_gone=False, keys_left=None, errors=(error,), foreign=True)
        security = self.client.security
        _trying(errors, lambda: ask_for(lambda: security.delete_user(username=username, refresh=False)))
        _trying(errors, lambda: ask_for(lambda: security.invalidate_api_key(username=username)))
        _trying(errors, lambda: ask_for(lambda: security.delete_role(name=username, refresh=False)))
        user_gone = _trying(errors, lambda: not self._user(username))
        role_gone = _trying(errors, lambda: not self._role(username))
        keys = _trying(errors, lambda: self._keys(username))
        return Receipt(bool(user_gone), bool(role_gone), keys, tuple(dict.fromkeys(errors)))

    def _found(self, name: str) -> list[Mapping[str, Any]]:
        """The user and the role of that name, whoever made them."""
        return [*self._user(name).values(), *self._role(name).values()]

    def _user(self, username: str) -> Mapping[str, Any]:
        return ask_for(lambda: self.client.security.get_user(username=username))

    def _role(self, name: str) -> Mapping[str, Any]:
        return ask_for(lambda: self.client.security.get_role(name=name))

    def _keys(self, username: str) -> int:
        found = ask_for(lambda: self.client.security.get_api_key(username=username, active_only=True))
        return len(found.get("api_keys", ()))


def _ours(found: Mapping[str, Any]) -> bool:
    return METADATA_KEY in found.get("metadata", {})


def _rights(spec: CredentialSpec) -> dict[str, Any]:
    """What the role gives: no cluster privilege, no system index, and nobody to run as."""
    held = spec.privileges
    names = [_without_dots(each) for each in spec.patterns]
    index = {"names": names, "privileges": list(held.indices), "allow_restricted_indices": False}
    if not held.kibana:
        return {"indices": [index]}
    spaces = [f"space:{name}" for name in held.spaces]
    kibana = {"application": _KIBANA, "privileges": list(held.kibana), "resources": spaces}
    return {"indices": [index], "applications": [kibana]}


def _without_dots(pattern: str) -> str:
    """The name in a role that covers what the pattern does, save what begins with a dot.

    A star stands for a leading dot too, and `allow_restricted_indices` keeps system indices out, not hidden ones
    (measured on 8.19 and 9.5). So a leading star becomes a regular expression, which a role takes between slashes
    ("Defining roles", Elasticsearch). The backing indices of a data stream are reached through the stream's own name.
    """
    if not pattern.startswith("*"):
        return pattern
    rest = pattern.lstrip("*")
    # The star may stand for nothing, unless the name would then begin with a dot or be empty.
    head = "[^.].*" if not rest or rest.startswith(".") else "([^.].*)?"
    return f"/{head}{'.*'.join(map(_literal, rest.split('*')))}/"


def _literal(text: str) -> str:
    """The text in Lucene's regular expressions, where a backslash makes any character but a letter stand for itself."""
    return re.sub(r"\W", r"\\\g<0>", text)


def _metadata(spec: CredentialSpec) -> dict[str, str]:
    return {"grant": spec.grant_id, "requester": spec.requester, "expires_at": spec.expires_at.isoformat()}


def _trying(errors: list[str], call: Callable[[], _Answer]) -> _Answer | None:
    try:
        return call()
    except (Outage, Refusal) as error:
        errors.append(str(error))
        return None
