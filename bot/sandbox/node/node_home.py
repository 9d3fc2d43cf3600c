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

CLIENT = "es-access-client"
"""The name in the client certificate."""

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
class Membership:
    """One node's place in a cluster of several. All but `name` is the same for each of them."""

    name: str
    ports: Mapping[str, int]
    """The transport port of every node, by its name."""
    authority: trustme.CA
    """Issues the certificates by which the nodes know each other: security demands them of more than one node."""
    admin_password: str


@dataclass(frozen=True, slots=True)
class NodeHome:
    root: Path
    admin_password: str
    ca_certs: Path | None
    settings: Mapping[str, object]
    """The caller's settings, on top of SETTINGS."""
    nodes: int = 1
    """Nodes of the cluster, this one included."""

    @classmethod
    def create(cls, *, tls: bool, settings: Mapping[str, object], membership: Membership | None = None) -> Self:
        root = Path(tempfile.mkdtemp(prefix="es-access-node-"))
        config = root / "config"
        config.mkdir()
        password = membership.admin_password if membership else secrets.token_urlsafe(PASSWORD_BYTES)
        (config / "users").write_text(f"{ADMINISTRATOR}:{hashed(SecretStr(password))}\n", encoding="utf-8")
        (config / "users_roles").write_text(f"superuser:{ADMINISTRATOR}\n", encoding="utf-8")
        if tls:
            write_http_certificates(config)
            settings = {**tls_settings(config, "http"), **settings}
        if membership:
            write_certificate(config, "transport", membership.authority)
            settings = {**tls_settings(config, "transport"), **membership_settings(membership), **settings}
        ca_certs = authority_file(config, "http") if tls else None
        home = cls(root, password, ca_certs, settings, len(membership.ports) if membership else 1)
        home.temporary.mkdir()
        return home

    @property
    def client_certificate(self) -> Path | None:
        return None if self.ca_certs is None else self.root / "config" / "client.pem"

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


def authority_file(config: Path, layer: str) -> Path:
    return config / f"{layer}-ca.crt"


def write_http_certificates(config: Path) -> None:
    """A server certificate, and one for clients if a node is told to ask for it (`client_authentication`)."""
    authority = trustme.CA()
    write_certificate(config, "http", authority)
    client = authority.issue_cert(CLIENT, common_name=CLIENT)
    client.private_key_and_cert_chain_pem.write_to_path(config / "client.pem")


def write_certificate(config: Path, layer: str, authority: trustme.CA) -> None:
    """Writes the key and certificate of a `layer`, "http" or "transport", and the authority that issued it."""
    certificate = authority.issue_cert(HOST, "localhost")
    authority.cert_pem.write_to_path(authority_file(config, layer))
    certificate.private_key_pem.write_to_path(config / f"{layer}.key")
    for position, part in enumerate(certificate.cert_chain_pems):
        part.write_to_path(config / f"{layer}.crt", append=position > 0)


def tls_settings(config: Path, layer: str) -> dict[str, object]:
    ssl = f"xpack.security.{layer}.ssl"
    return {
        f"{ssl}.enabled": True,
        f"{ssl}.key": str(config / f"{layer}.key"),
        f"{ssl}.certificate": str(config / f"{layer}.crt"),
        f"{ssl}.certificate_authorities": str(authority_file(config, layer)),
    }


def membership_settings(membership: Membership) -> dict[str, object]:
    ssl = "xpack.security.transport.ssl"
    return {
        "node.name": membership.name,
        "discovery.type": "multi-node",
        "transport.port": membership.ports[membership.name],
        "discovery.seed_hosts": [f"{HOST}:{port}" for port in membership.ports.values()],
        "cluster.initial_master_nodes": list(membership.ports),
        f"{ssl}.verification_mode": "certificate",
    }
