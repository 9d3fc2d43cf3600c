"""The directory of a node: its configuration, data, log and, with TLS, its certificate."""

from __future__ import annotations

import json
import secrets
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import trustme
from pydantic import SecretStr

from bot.cluster.password_hasher import hashed

HOST = "127.0.0.1"

ADMINISTRATOR = "admin"

PASSWORD_BYTES = 18
"""Random bytes of a password: too many to guess while a sandbox runs."""

SETTINGS: Mapping[str, object] = {
    "cluster.name": "es-access-sandbox",
    "node.name": "sandbox",
    "discovery.type": "single-node",
    "http.host": HOST,
    "transport.host": HOST,
    "transport.port": 0,  # any free port: nothing connects to it
    "xpack.security.enabled": True,
    "cluster.max_shards_per_node": 10_000,  # benchmarks create thousands of indices; the default is 1,000
    "cluster.routing.allocation.disk.threshold_enabled": False,  # the node must work on a host with a full disk
}


@dataclass(frozen=True, slots=True)
class NodeHome:
    root: Path
    admin_password: str
    ca_certs: Path | None
    settings: Mapping[str, object]
    """The caller's settings, on top of SETTINGS."""

    @classmethod
    def create(cls, *, tls: bool, settings: Mapping[str, object]) -> Self:
        root = Path(tempfile.mkdtemp(prefix="es-access-node-"))
        config = root / "config"
        config.mkdir()
        password = secrets.token_urlsafe(PASSWORD_BYTES)
        (config / "users").write_text(f"{ADMINISTRATOR}:{hashed(SecretStr(password))}\n", encoding="utf-8")
        (config / "users_roles").write_text(f"superuser:{ADMINISTRATOR}\n", encoding="utf-8")
        if tls:
            write_certificate(config)
            settings = {**tls_settings(config), **settings}
        home = cls(root, password, config / "ca.crt" if tls else None, settings)
        home.temporary.mkdir()
        return home

    @property
    def log(self) -> Path:
        return self.root / "node.log"

    def log_text(self) -> str:
        return self.log.read_text(encoding="utf-8", errors="replace") if self.log.is_file() else ""

    @property
    def temporary(self) -> Path:
        """The server's own temporary files."""
        return self.root / "tmp"

    def write_settings(self, http_port: int) -> None:
        settings = {**SETTINGS, "http.port": http_port, **self.settings}
        lines = [f"{key}: {json.dumps(value)}\n" for key, value in settings.items()]  # JSON is valid YAML
        (self.root / "config" / "elasticsearch.yml").write_text("".join(lines), encoding="utf-8")

    def delete(self) -> None:
        shutil.rmtree(self.root, ignore_errors=True)


def write_certificate(config: Path) -> None:
    authority = trustme.CA()
    certificate = authority.issue_cert(HOST, "localhost")
    authority.cert_pem.write_to_path(config / "ca.crt")
    certificate.private_key_pem.write_to_path(config / "http.key")
    for position, part in enumerate(certificate.cert_chain_pems):
        part.write_to_path(config / "http.crt", append=position > 0)


def tls_settings(config: Path) -> dict[str, object]:
    ssl = "xpack.security.http.ssl"
    return {
        f"{ssl}.enabled": True,
        f"{ssl}.key": str(config / "http.key"),
        f"{ssl}.certificate": str(config / "http.crt"),
    }
