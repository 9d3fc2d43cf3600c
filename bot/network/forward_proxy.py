"""Forward proxies, which some networks demand on the way out: `HTTPS_PROXY`, `HTTP_PROXY` and `NO_PROXY`.

Not to be confused with the access proxy of es-access itself.
"""

import base64
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from urllib.parse import unquote, urlsplit
from urllib.request import getproxies_environment, proxy_bypass_environment  # type: ignore[attr-defined]

from pydantic import SecretStr

VARIABLES = ("HTTPS_PROXY", "HTTP_PROXY", "NO_PROXY")
"""Read in capitals and in small letters. The latter win, as with `curl`."""

_LOOPBACK = ("localhost", "127.0.0.1", "::1", "[::1]")
"""Never reached through a proxy: to it these names are itself."""

_SCHEMES = {"wss": "https", "ws": "http"}
"""A WebSocket takes the way of the scheme that it begins with."""

_DEFAULT_PORT = 80


@dataclass(frozen=True)
class ForwardProxy:
    """A proxy that is reached without TLS, and asked with CONNECT for whatever has TLS. `url` may hold a password."""

    variable: str
    url: str = field(repr=False)

    @property
    def address(self) -> str:
        """Host and port, for people."""
        parts = urlsplit(self.url)
        host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
        return f"{host}:{parts.port or _DEFAULT_PORT}"

    @property
    def bare_url(self) -> str:
        """Without user and password."""
        return f"http://{self.address}"

    @property
    def headers(self) -> dict[str, str]:
        """The header that signs in to it (RFC 9110, 11.7.2), if its URL has a user."""
        parts = urlsplit(self.url)
        if not parts.username:
            return {}
        both = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
        return {"proxy-authorization": f"Basic {base64.b64encode(both.encode()).decode()}"}


def forward_proxy(url: str) -> ForwardProxy | None:
    """The proxy on the way to `url`; `None` if the way is direct. Raises `ValueError` as `proxy_problems` says it."""
    parts = urlsplit(url)
    scheme = _SCHEMES.get(parts.scheme, parts.scheme)
    named = getproxies_environment().get(scheme, "")
    if not named or proxy_bypass_environment(parts.netloc.rpartition("@")[2]):
        return None
    return ForwardProxy(f"{scheme}_proxy".upper(), _normal(named))


def proxy_problems() -> Iterator[tuple[str, str]]:
    """Each variable that cannot be used, and its problem, without the value."""
    for scheme, named in getproxies_environment().items():
        if scheme in {"http", "https"} and named:
            try:
                _normal(named)
            except ValueError as error:
                yield f"{scheme}_proxy".upper(), str(error)


def proxy_secrets() -> Iterator[SecretStr]:
    """The passwords in the variables, as they are written and as they are sent."""
    for scheme, named in getproxies_environment().items():
        if scheme in {"http", "https"} and "@" in named:
            user_and_password = named.rpartition("@")[0].rpartition("/")[2]
            _, _, password = user_and_password.partition(":")
            yield from (SecretStr(each) for each in {user_and_password, password, unquote(password)} if each)


def adopt(variables: Mapping[str, str]) -> None:
    """Puts the variables that only `.env` has into the environment, where the libraries of Slack and others look.

    If there is a proxy, this machine is added to `NO_PROXY`.
    """
    for name in VARIABLES:
        if name in variables and not {name, name.lower()} & set(os.environ):
            os.environ[name] = variables[name]
    proxies = getproxies_environment()
    if {"http", "https"} & proxies.keys():
        direct = [each.strip() for each in proxies.get("no", "").split(",") if each.strip()]
        missing = [each for each in _LOOPBACK if each not in direct]
        if missing and "*" not in direct:
            name = "no_proxy" if "no_proxy" in os.environ else "NO_PROXY"
            os.environ[name] = ",".join([*direct, *missing])


def _normal(named: str) -> str:
    """The URL with its scheme. Raises `ValueError`."""
    url = named if "://" in named else f"http://{named}"
    if urlsplit(url).scheme != "http":
        raise ValueError("must be like http://HOST:PORT. Proxies that speak SOCKS or TLS themselves cannot be used")
    try:
        parts = urlsplit(url)
        usable = bool(parts.hostname) and parts.port != 0
    except ValueError:
        usable = False
    if not usable:
        raise ValueError("must be like http://HOST:PORT, with http://USER:PASSWORD@HOST:PORT if it asks for them")
    return url.rstrip("/")
