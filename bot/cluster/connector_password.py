"""The connector account's password while it may change: every call takes the one in use, and follows a rotation.

Replicas that did not rotate find the new password in the secret store when the cluster refuses the old one.
"""

import base64
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from typing import Any, cast

from elastic_transport import HttpHeaders, Transport, TransportApiResponse
from elastic_transport.client_utils import DEFAULT, DefaultType
from pydantic import SecretStr

from bot.access.errors import Outage, Refusal
from bot.secret_stores.store import SecretStore

ASK_AGAIN_SECONDS = 3.0
"""Between two looks into the store: an account that is refused for another reason must not wear it out."""

_UNAUTHENTICATED = 401
_AUTHORIZATION = "authorization"


class ConnectorPassword:
    """The password in use, and where to look for another when it is refused. Safe to use from several threads."""

    def __init__(self, username: str, password: SecretStr, store: SecretStore | None = None) -> None:
        self.username = username
        self.store = store
        self._current = password
        self._expected: tuple[SecretStr, ...] = ()
        self._asked_at: float | None = None
        self._asking = threading.Lock()

    @property
    def current(self) -> SecretStr:
        """The one that calls are made with."""
        return self._current

    def known(self) -> tuple[SecretStr, ...]:
        """All that are known to have been, or to become, the account's: what must never be shown."""
        return (self._current, *self._expected)

    def use(self, password: SecretStr) -> None:
        """Makes all further calls with it."""
        self._current = password

    def expect(self, password: SecretStr) -> None:
        """Will be tried as well when the one in use is refused: the cluster is about to take it."""
        self._expected = (password,)

    def alternatives(self, refused: SecretStr) -> Iterator[SecretStr]:
        """What may work instead of the one that was refused, likeliest first."""
        tried = [refused]
        for known in (self._current, *self._expected):
            if known not in tried:
                tried.append(known)
                yield known
        for found in self._in_store():
            if found not in tried:
                tried.append(found)
                yield found

    def _in_store(self) -> tuple[SecretStr, ...]:
        """The present secret and the one before, at most every `ASK_AGAIN_SECONDS`."""
        if self.store is None:
            return ()
        with self._asking:
            now = time.monotonic()
            if self._asked_at is None or now - self._asked_at >= ASK_AGAIN_SECONDS:
                self._asked_at = now
                # Where the store fails too the cluster's answer stands, and whoever gets it tries again later.
                with suppress(Outage, Refusal):
                    self._expected = (self.store.read(),)
                    before = self.store.previous()
                    self._expected += (before,) if before else ()
            return self._expected

    def header(self, password: SecretStr) -> str:
        """The value of the header that signs in with that password (RFC 7617)."""
        both = f"{self.username}:{password.get_secret_value()}".encode()
        return f"Basic {base64.b64encode(both).decode()}"


class ConnectorTransport(Transport):
    """Signs every call in with the password in use, and repeats one that was refused when another password works.

    A refused call has changed nothing, so it may be sent again whatever it is. A call that brings its own
    authorization is left alone.
    """

    password: ConnectorPassword

    def perform_request(
        self, method: str, target: str, *, headers: Mapping[str, Any] | DefaultType = DEFAULT, **how: Any
    ) -> TransportApiResponse:
        """As in the class above it."""
        named = HttpHeaders() if isinstance(headers, DefaultType) else HttpHeaders(cast(Mapping[str, str], headers))
        if _AUTHORIZATION in named:
            return super().perform_request(method, target, headers=named, **how)

        def send(password: SecretStr) -> TransportApiResponse:
            signed = named.copy()
            signed[_AUTHORIZATION] = self.password.header(password)
            return super(ConnectorTransport, self).perform_request(method, target, headers=signed, **how)

        known = self.password.known()
        answer = self._with_any(send)
        if answer.meta.status == _UNAUTHENTICATED and self.password.known() != known:
            answer = self._with_any(send)  # the password was changed once more meanwhile
        return answer

    def _with_any(self, send: Callable[[SecretStr], TransportApiResponse]) -> TransportApiResponse:
        """The answer to the call with the password in use, or with the first other one that works."""
        used = self.password.current
        answer = send(used)
        if answer.meta.status == _UNAUTHENTICATED:
            for other in self.password.alternatives(used):
                again = send(other)
                if again.meta.status != _UNAUTHENTICATED:
                    self.password.use(other)
                    return again
        return answer
