"""The artifacts of an Elasticsearch node, pinned by a lock file for each version."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from importlib import resources

from bot.sandbox.node.errors import NodeError

DEFAULT_VERSION = "9.5.3"
VERSIONS = (DEFAULT_VERSION, "8.19.21")

LIB = "lib"
COMPILER = "compiler"
"""Folders other than modules: the server's class path, and the Java compiler, which is used once."""


@dataclass(frozen=True, slots=True)
class Artifact:
    """One jar: its coordinates in a Maven repository, its hash and size, and the node's folders to put it in."""

    group: str
    name: str
    version: str
    sha256: str
    size: int
    """Bytes, for the progress bar."""
    folders: tuple[str, ...]

    @property
    def filename(self) -> str:
        return f"{self.name}-{self.version}.jar"

    @property
    def path(self) -> str:
        """The path below the root of any Maven repository."""
        return f"{self.group.replace('.', '/')}/{self.name}/{self.version}/{self.filename}"

    def line(self) -> str:
        fields = (self.group, self.name, self.version, self.sha256, str(self.size), ",".join(self.folders))
        return " ".join(fields)

    @classmethod
    def parse(cls, line: str) -> Artifact:
        group, name, version, sha256, size, folders = line.split()
        return cls(group, name, version, sha256, int(size), tuple(folders.split(",")))


def lock_name(version: str) -> str:
    return f"artifacts-{version}.lock"


def lock_text(version: str) -> str:
    """The text of the lock file of `version`; raises NodeError if there is none."""
    lock = resources.files(__package__) / lock_name(version)
    if not lock.is_file():
        raise NodeError(f"Elasticsearch {version} is not one of {', '.join(VERSIONS)}")
    return lock.read_text(encoding="utf-8")


def read_lock(version: str) -> list[Artifact]:
    """The artifacts of `version`; raises NodeError if it has no lock file."""
    lines = lock_text(version).splitlines()
    return [Artifact.parse(line) for line in lines if line and not line.startswith("#")]


def java_source(name: str) -> str:
    return (resources.files(__package__) / "java" / name).read_text(encoding="utf-8")


def fingerprint(*texts: str) -> str:
    """A short hash of everything that an installation is made from."""
    return hashlib.sha256("\0".join(texts).encode()).hexdigest()[:12]
