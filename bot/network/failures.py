"""Why a connection failed, in a few words: name, refusal, time, TLS or proxy."""

import errno
import re
import socket
import ssl
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import Enum

from urllib3.exceptions import ConnectTimeoutError, NameResolutionError, ProxyError, ReadTimeoutError
from urllib3.util.ssl_match_hostname import CertificateError

from bot.network.forward_proxy import ForwardProxy

_TUNNEL = re.compile(r"Tunnel connection failed: (\d{3})|connect status code: (\d{3})")
"""How `http.client`, `urllib3` and the Slack SDK word a proxy's refusal: none of them keeps the status."""

_PROXY_ASKS = 407


class Cause(Enum):
    """The end of a sentence for each."""

    NAME = "its name is not known (DNS)"
    REFUSED = "connection refused"
    TIMEOUT = "no answer in time"
    CERTIFICATE = "its certificate is not trusted (TLS)"
    TLS = "TLS fails"
    UNREACHABLE = "no way to it in this network"
    BROKEN = "the connection broke"


@dataclass(frozen=True)
class Failure:
    """One failed connection. `proxy_status` is what a forward proxy answered instead of opening the way."""

    cause: Cause
    at_proxy: bool = False
    proxy_status: int | None = None

    def sentence(self, proxy: ForwardProxy | None) -> str:
        """The reason, to follow “… does not answer: ”."""
        if not self.at_proxy:
            return self.cause.value
        name = f"the proxy {proxy.address} of {proxy.variable}" if proxy else "the proxy of HTTPS_PROXY"
        if self.proxy_status == _PROXY_ASKS:
            return f"{name} asks for a user and password, or refuses them (407)"
        if self.proxy_status is not None:
            return f"{name} refuses to open the way ({self.proxy_status})"
        return f"{name}: {self.cause.value}"


def failure_of(error: BaseException, proxy: ForwardProxy | None) -> Failure:
    """Why a connection failed, from the errors that led to `error`. `proxy` is the one on the way, where it is known.

    Without it only `urllib3` says that a proxy was asked.
    """
    causes = list(causes_of(error))
    asked_proxy = any(isinstance(each, ProxyError) for each in causes)
    status = _proxy_status(causes) if proxy or asked_proxy else None
    if status is not None:
        return Failure(Cause.REFUSED, at_proxy=True, proxy_status=status)
    cause = _cause(causes)
    # Through a proxy, name and port are the proxy's, and TLS is the server's.
    before_tunnel = proxy is not None and cause in {Cause.NAME, Cause.REFUSED, Cause.UNREACHABLE}
    return Failure(cause, at_proxy=before_tunnel or asked_proxy)


def causes_of(error: BaseException | None) -> Iterator[BaseException]:
    """The error and those that it came from, the last one first."""
    seen: set[int] = set()
    waiting = [error]
    while waiting:
        each = waiting.pop(0)
        if each is None or id(each) in seen:
            continue
        seen.add(id(each))
        yield each
        # `URLError` and urllib3's errors hold theirs as attributes.
        held = (each.__cause__, each.__context__, getattr(each, "reason", None), getattr(each, "original_error", None))
        waiting += [other for other in held if isinstance(other, BaseException)]


def _proxy_status(causes: list[BaseException]) -> int | None:
    for each in causes:
        found = _TUNNEL.search(str(each))
        if found:
            return int(found.group(1) or found.group(2))
    return None


def _cause(causes: list[BaseException]) -> Cause:
    return next((cause for tells, cause in _TELLS if any(map(tells, causes))), Cause.BROKEN)


def _is(*types: type[BaseException]) -> Callable[[BaseException], bool]:
    return lambda error: isinstance(error, types)


def _is_timeout(error: BaseException) -> bool:
    # Its subclass `NewConnectionError` is no timeout.
    return isinstance(error, TimeoutError | ReadTimeoutError) or type(error) is ConnectTimeoutError


def _is_unreachable(error: BaseException) -> bool:
    return isinstance(error, OSError) and error.errno in {errno.ENETUNREACH, errno.EHOSTUNREACH}


_TELLS: tuple[tuple[Callable[[BaseException], bool], Cause], ...] = (
    (_is(ssl.SSLCertVerificationError, CertificateError), Cause.CERTIFICATE),
    (_is(socket.gaierror, NameResolutionError), Cause.NAME),
    (_is(ConnectionRefusedError), Cause.REFUSED),
    (_is_unreachable, Cause.UNREACHABLE),
    (_is_timeout, Cause.TIMEOUT),
    (_is(ssl.SSLError), Cause.TLS),
)
"""What tells each cause, the surest first."""
