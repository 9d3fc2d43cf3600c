"""The connections to a node: by a forward proxy where there is one, and with the certificates as they are now."""

import threading
from contextlib import suppress
from pathlib import Path
from typing import Any

import structlog
import urllib3
from elastic_transport import HttpHeaders, NodeConfig, Urllib3HttpNode
from elastic_transport._node import NodeApiResponse
from elastic_transport.client_utils import DEFAULT, DefaultType

from bot.cluster.connection.tls_files import tls_context
from bot.network.forward_proxy import ForwardProxy, forward_proxy

log = structlog.get_logger(__name__)

_Stamp = tuple[int, int, int] | None
"""Inode, size and time of the last change in nanoseconds; `None` for a file that cannot be seen."""


class ClusterNode(Urllib3HttpNode):
    """A node whose certificate files are read again before the first call after they have changed.

    Calls in progress keep their connections, which close with them; all later ones use new connections. While the
    changed files cannot be read, such as between the writes of certificate and key, the old ones stay in use.
    """

    def __init__(self, config: NodeConfig) -> None:
        super().__init__(config)
        self._files = [Path(each) for each in (config.ca_certs, config.client_cert, config.client_key) if each]
        self._stamps = [_stamp(each) for each in self._files]
        self._reading = threading.Lock()
        with suppress(OSError):  # the calls fail, with the reason, until the files are changed
            self.pool = _pool(config)

    def perform_request(
        self,
        method: str,
        target: str,
        body: bytes | None = None,
        headers: HttpHeaders | None = None,
        request_timeout: DefaultType | float | None = DEFAULT,
    ) -> NodeApiResponse:
        """See `Urllib3HttpNode.perform_request`."""
        if self._files:
            self._read_again()
        return super().perform_request(method, target, body, headers, request_timeout)

    def _read_again(self) -> None:
        with self._reading:
            stamps = [_stamp(each) for each in self._files]
            if stamps == self._stamps:
                return
            self._stamps = stamps
            try:
                self.pool = _pool(self.config)
            except OSError as error:
                log.warning(
                    "certificates have changed and cannot be used: the old ones stay",
                    cluster=self.base_url, error=type(error).__name__,
                )  # fmt: skip
            else:
                log.info("certificates have changed and were read again", cluster=self.base_url)


class _ThroughProxy:
    """A pool that asks a forward proxy: with CONNECT for TLS, and otherwise with the whole address."""

    def __init__(self, url: str, proxy: ForwardProxy, settings: dict[str, Any]) -> None:
        self._base = url
        self._manager = urllib3.ProxyManager(proxy.url, num_pools=1, proxy_headers=proxy.headers, **settings)

    def urlopen(self, method: str, target: str, **how: Any) -> Any:
        return self._manager.urlopen(method, self._base + target, **how)

    def close(self) -> None:
        self._manager.clear()


def _pool(config: NodeConfig) -> Any:
    """New connections with the files as they are. Raises `OSError` for files that cannot be used."""
    settings: dict[str, Any] = {
        "timeout": urllib3.Timeout(total=config.request_timeout),
        "maxsize": config.connections_per_node,
        "block": True,
    }
    if config.scheme == "https":
        settings["ssl_context"] = tls_context(config.ca_certs, config.client_cert, config.client_key)
    host = f"[{config.host}]" if ":" in config.host else config.host
    url = f"{config.scheme}://{host}:{config.port}"
    proxy = forward_proxy(url)
    if proxy is not None:
        return _ThroughProxy(url, proxy, settings)
    pool = urllib3.HTTPSConnectionPool if config.scheme == "https" else urllib3.HTTPConnectionPool
    return pool(config.host, port=config.port, **settings)


def _stamp(file: Path) -> _Stamp:
    try:
        found = file.stat()
    except OSError:
        return None
    return found.st_ino, found.st_size, found.st_mtime_ns
