"""The connector account's password or API key, which may change: every call uses the present one and follows a change.

When the cluster refuses the old one, the new one is in the secret store: another replica has rotated the password, or
an administrator has made a new key.
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

from bot.access.call_failures import OnFailure
from bot.access.calls.gate import Gate
from bot.access.errors import Outage, Refusal
from bot.secret_stores.store import SecretStore

ASK_AGAIN_SECONDS = 3.0
"""The least time between two reads of the store: an account that is refused for another reason must not overload it."""

_UNAUTHENTICATED = 401
_AUTHORIZATION = "authorization"


class ConnectorPassword:
    """The password in use, and the store with another one if it is refused. Thread-safe."""

    rotatable = True
    """Whether the account can be given a new one by es-access."""

    def __init__(self, username: str, password: SecretStr, store: SecretStore | None = None) -> None:
        self.username = username
        self.store = store
        self._current = password
        self._expected: tuple[SecretStr, ...] = ()
        self._asked_at: float | None = None
        self._asking = threading.Lock()

    @property
    def current(self) -> SecretStr:
        """The password that calls use."""
        return self._current

    def known(self) -> tuple[SecretStr, ...]:
        """All known passwords of the account, past, present and next: secrets that must never be shown."""
        return (self._current, *self._expected)

    def use(self, password: SecretStr) -> None:
        """Uses the password for all further calls."""
        self._current = password

    def expect(self, password: SecretStr) -> None:
        """Tries the password as well when the one in use is refused: the cluster will accept it soon."""
        self._expected = (password,)

    def alternatives(self, refused: SecretStr) -> Iterator[SecretStr]:
        """The passwords to try instead of the refused one, likeliest first."""
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
        """The present password in the store and the previous one, read at most every `ASK_AGAIN_SECONDS`."""
        if self.store is None:
            return ()
        with self._asking:
            now = time.monotonic()
            if self._asked_at is None or now - self._asked_at >= ASK_AGAIN_SECONDS:
                self._asked_at = now
                # If the store fails too, the cluster's refusal stands, and the caller retries later.
                with suppress(Outage, Refusal):
                    self._expected = (self.store.read(),)
                    before = self.store.previous()
                    self._expected += (before,) if before else ()
            return self._expected

    def header(self, password: SecretStr) -> str:
        """The value of the Authorization header for that password (RFC 7617)."""
        return f"Basic {_base64(f'{self.username}:{password.get_secret_value()}')}"


class ConnectorKey(ConnectorPassword):
    """An API key instead of user and password."""

    rotatable = False

    def __init__(self, key: SecretStr, store: SecretStore | None = None) -> None:
        super().__init__("", key, store)

    def header(self, password: SecretStr) -> str:
        """The value of the Authorization header for that key. Kibana shows keys encoded, or as `ID:KEY`."""
        key = password.get_secret_value()
        return f"ApiKey {_base64(key) if ':' in key else key}"


class ConnectorCertificate(ConnectorPassword):
    """The client certificate of the connection, and nothing else: the cluster's PKI realm knows whose it is."""

    rotatable = False

    def __init__(self) -> None:
        super().__init__("", SecretStr(""))

    def header(self, password: SecretStr) -> str:  # noqa: ARG002 (there is none)
        """Empty: no header."""
        return ""


def _base64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


class ConnectorTransport(Transport):
    """Authenticates every call with the password in use, and repeats a refused call with another password.

    A refused call has changed nothing, so any call may be repeated. Calls with their own authorization are left alone.
    No call goes round the `gate`.
    """

    password: ConnectorPassword
    on_failure: OnFailure
    gate: Gate

    def perform_request(
        self, method: str, target: str, *, headers: Mapping[str, Any] | DefaultType = DEFAULT, **how: Any
    ) -> TransportApiResponse:
        """See `Transport.perform_request`."""
        named = HttpHeaders() if isinstance(headers, DefaultType) else HttpHeaders(cast(Mapping[str, str], headers))
        if _AUTHORIZATION in named:
            with self.gate.passing():
                return super().perform_request(method, target, headers=named, **how)

        def send(password: SecretStr) -> TransportApiResponse:
            signed = named.copy()
            header = self.password.header(password)
            if header:
                signed[_AUTHORIZATION] = header
            with self.gate.passing():
                return super(ConnectorTransport, self).perform_request(method, target, headers=signed, **how)

        known = self.password.known()
        answer = self._with_any(send)
        if answer.meta.status == _UNAUTHENTICATED and self.password.known() != known:
            answer = self._with_any(send)  # the password has changed again meanwhile
        return answer

    def _with_any(self, send: Callable[[SecretStr], TransportApiResponse]) -> TransportApiResponse:
        """The answer with the password in use, or with the first other one that works."""
        used = self.password.current
        answer = send(used)
        if answer.meta.status == _UNAUTHENTICATED:
            for other in self.password.alternatives(used):
                again = send(other)
                if again.meta.status != _UNAUTHENTICATED:
                    self.password.use(other)
                    return again
        return answer
