"""Creates and changes temporary users, roles and API keys."""

from collections.abc import Callable, Mapping
from concurrent.futures import Executor, Future, wait
from dataclasses import dataclass
from functools import partial
from typing import Any

from elastic_transport import ObjectApiResponse
from elasticsearch import Elasticsearch
from pydantic import SecretStr

from bot.access.errors import Gone, Outage, Refusal, Unanswered
from bot.access.ports import Credential, CredentialSpec
from bot.cluster.client import ask, ask_if_exists
from bot.cluster.clock import ClusterClock
from bot.cluster.ends.sessions import end_tokens
from bot.cluster.limits import check_key, check_licence, check_role
from bot.cluster.ownership import Installation
from bot.cluster.password_hasher import PasswordHasher, Secret
from bot.cluster.roles import role_body
from bot.cluster.trial import try_out


@dataclass(frozen=True)
class CredentialIssuer:
    """Creates the credential of a grant: a role and a user of the same name, or an API key with their privileges."""

    client: Elasticsearch
    executor: Executor
    installation: Installation
    clock: ClusterClock
    hasher: PasswordHasher
    opened_space: str | None = None
    """The Kibana space that specs with `opens_kibana` open."""

    def create(self, spec: CredentialSpec, password: SecretStr) -> None:
        """Creates role and user, and tries them.

        Raises `Unusable`, `Unanswered`, `Outage`, and `Refusal`, also if the name is taken.
        """
        self._create(spec, password)
        try_out(self.client, spec, Credential(spec.username, password))

    def _create(self, spec: CredentialSpec, password: SecretStr) -> None:
        self._check_name(spec)
        metadata = self.installation.metadata(spec)
        role = self.executor.submit(self._put_role, spec, metadata)
        try:
            self.hasher.send(password, partial(self._put_user, spec, metadata))
        finally:
            wait([role])  # so that no call of this attempt reaches the cluster after it has failed
        role.result()

    def renew(self, spec: CredentialSpec, password: SecretStr) -> int:
        """Changes the password of an existing user and tries it. Returns how many tokens of its sessions this ended.

        Raises `Gone`, `Unusable`, `Unanswered`, `Outage`, `Refusal`.
        """
        self.extend(spec)

        change = partial(self.client.security.change_password, username=spec.username, refresh=False)
        self.hasher.send(password, lambda secret: ask(self.client, lambda: change(**secret), Unanswered))
        try_out(self.client, spec, Credential(spec.username, password))
        return end_tokens(self.client, spec.username) or 0

    def extend(self, spec: CredentialSpec) -> None:
        """Writes the grant's end into the user's metadata. Raises `Gone`, `Outage`, `Refusal`."""
        self._check_exists(spec)
        # Without a password, so that a user who was removed just now is not created again.
        self._put_user(spec, self.installation.metadata(spec), {}, lost=Outage)

    def narrow(self, spec: CredentialSpec) -> None:
        """Writes the role of an existing user anew. Raises `Gone`, `Outage`, `Refusal`."""
        self._check_exists(spec)
        self._put_role(spec, self.installation.metadata(spec), lost=Outage)

    def _check_exists(self, spec: CredentialSpec) -> None:
        user = ask_if_exists(self.client, lambda: self.client.security.get_user(username=spec.username)).get(
            spec.username
        )
        if user is None or not self.installation.owns(user) or not user["enabled"]:
            raise Gone(f"the user {spec.username} was removed")

    def grant_key(self, spec: CredentialSpec, password: SecretStr, *, alone: bool) -> Credential:
        """Creates an API key through a user and a role, removes these two again, and tries the key.

        Raises `Unusable`, `Unanswered`, `Outage`, `Refusal`.

        `alone`: ends earlier keys first, whose secrets may have been lost on the way to the requester.
        """
        before: list[Future[object]] = [self.executor.submit(self._end_keys, spec.username)] if alone else []
        try:
            self._create(spec, password)
        finally:
            wait(before)
        for each in before:
            each.result()
        key = self._grant(spec, password)
        credential = Credential(spec.username, SecretStr(key["encoded"]), key["id"])
        if spec.privileges.limits:
            check_key(self.client, credential.key_id, role_body(spec)["indices"])
        security = self.client.security
        removing = [
            self.executor.submit(self._delete, lambda: security.delete_user(username=spec.username, refresh=False)),
            self.executor.submit(self._delete, lambda: security.delete_role(name=spec.username, refresh=False)),
        ]
        try:
            try_out(self.client, spec, credential)
        finally:
            wait(removing)
        for each in removing:
            each.result()
        return credential

    def _delete(self, call: Callable[[], ObjectApiResponse[Any]]) -> object:
        # A late call would take the user of the next attempt away, if that had the same name.
        return ask_if_exists(self.client, call, Unanswered)

    def _grant(self, spec: CredentialSpec, password: SecretStr) -> dict[str, Any]:
        # The server counts from its own time: if its clock is ahead of ours, the key ends by the server's clock.
        left = self.clock.time_left(spec.expires_at)
        return ask(
            self.client,
            lambda: self.client.security.grant_api_key(
                grant_type="password",
                username=spec.username,
                password=password.get_secret_value(),
                api_key={
                    "name": spec.username,
                    "expiration": f"{max(1, int(left.total_seconds() * 1000))}ms",
                    "metadata": self.installation.metadata(spec),
                },
                # Invalidating a key that is not searchable yet silently does nothing (measured).
                refresh=True,
            ),
            Unanswered,
        )

    def end_other_keys(self, username: str, keep: str) -> None:
        """Invalidates every API key of that user except `keep`. Raises `Outage`, `Refusal`."""
        found = ask_if_exists(
            self.client, lambda: self.client.security.get_api_key(username=username, active_only=True)
        )
        others = [each["id"] for each in found.get("api_keys", ()) if each["id"] != keep]
        if others:
            ask(self.client, lambda: self.client.security.invalidate_api_key(ids=others))

    def _end_keys(self, username: str) -> object:
        invalidate = self.client.security.invalidate_api_key
        return ask_if_exists(self.client, lambda: invalidate(username=username), Unanswered)

    def exists(self, username: str, key_id: str | None) -> bool:
        """Whether that user, or that API key, exists and is usable, in real time. Raises `Outage`, `Refusal`."""
        if key_id is not None:
            found = ask_if_exists(self.client, lambda: self.client.security.get_api_key(id=key_id, active_only=True))
            return bool(found.get("api_keys"))
        user = ask_if_exists(self.client, lambda: self.client.security.get_user(username=username)).get(username)
        return user is not None and self.installation.owns(user) and user["enabled"]

    def _check_name(self, spec: CredentialSpec) -> None:
        asking = self.executor.submit(
            ask_if_exists, self.client, lambda: self.client.security.get_role(name=spec.username)
        )
        try:
            user = ask_if_exists(self.client, lambda: self.client.security.get_user(username=spec.username))
        finally:
            wait([asking])
        role = asking.result()
        if not all(self.installation.owns(each) for each in (*user.values(), *role.values())):
            raise Refusal(f"the name {spec.username} is taken by a user or role that es-access did not make")

    def _put_role(self, spec: CredentialSpec, metadata: Mapping[str, Any], lost: type[Outage] = Unanswered) -> None:
        limits = spec.privileges.limits
        if limits:
            check_licence(self.client)
        body, put = role_body(spec, self.opened_space), self.client.security.put_role
        # refresh=false: roles and users are read by id in real time, and waiting for a refresh takes up to a second.
        ask(self.client, lambda: put(name=spec.username, **body, metadata=metadata, refresh=False), lost)
        if limits:
            check_role(self.client, spec.username, body["indices"])

    def _put_user(
        self, spec: CredentialSpec, metadata: Mapping[str, Any], secret: Secret, lost: type[Outage] = Unanswered
    ) -> None:
        ask(
            self.client,
            lambda: self.client.security.put_user(
                username=spec.username,
                roles=[spec.username],
                full_name=f"es-access {spec.grant_id} for {spec.requester}",
                metadata=metadata,
                refresh=False,
                **secret,
            ),
            lost,
        )
