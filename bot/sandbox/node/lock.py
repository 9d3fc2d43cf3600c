"""Writes a lock file, for maintainers: `python -m bot.sandbox.node.lock 9.5.3`.

Resolves the dependencies of the server and its modules with jgo, downloads each jar and writes its SHA-256.
Maintainers run it when a version changes; the sandbox never does.
"""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Iterator
from pathlib import Path

from jgo.maven import Artifact as JgoArtifact
from jgo.maven import MavenContext, PythonResolver

from bot.sandbox.node.artifacts import COMPILER, LIB, Artifact, lock_name

EXCLUDED = (
    ("org.opensaml", "*"),
    ("net.shibboleth.utilities", "*"),
    ("org.elasticsearch.plugin", "es-opensaml-security-api"),
    ("org.elasticsearch.plugin", "x-pack-template-resources"),
)
"""Never published to the default repository; the sandbox does not need them."""

DROPPED = {"com.sun.activation:jakarta.activation", "com.github.stephenc.jcip:jcip-annotations"}
"""Jars with classes that another jar of x-pack-security also has: the server refuses duplicates ("jar hell")."""

OPENSAML = "org.apache.servicemix.bundles:org.apache.servicemix.bundles.opensaml:3.4.6_2"
"""Replaces the excluded OpenSAML: x-pack-security only has to load its classes."""

COMPILER_COORDINATE = "org.eclipse.jdt:ecj:RELEASE"
"""A Java compiler that runs on a plain JRE."""

DOWNLOAD_TIMEOUT = 60
"""Seconds."""

Resolved = dict[str, JgoArtifact]
"""Artifacts by "group:name"."""


def resolve(coordinates: list[str], *, transitive: bool = True) -> Resolved:
    context = MavenContext(resolver=PythonResolver(), timeout=DOWNLOAD_TIMEOUT)
    excluded = [context.project(group, name) for group, name in EXCLUDED]
    dependencies = [context.create_dependency(coordinate, excluded) for coordinate in coordinates]
    for dependency in dependencies:
        dependency.scope = "compile"
    inputs, others = context.resolver.resolve(dependencies, transitive=transitive)
    artifacts = [dependency.artifact for dependency in (*inputs, *(others if transitive else ()))]
    found = {f"{artifact.groupId}:{artifact.artifactId}": artifact for artifact in artifacts}
    return {key: artifact for key, artifact in found.items() if key not in DROPPED}


def without(resolved: Resolved, *others: Resolved) -> Resolved:
    known = {key for other in others for key in other}
    return {key: artifact for key, artifact in resolved.items() if key not in known}


def folders(version: str) -> dict[str, Resolved]:
    """The artifacts of each folder.

    A module omits the jars that it inherits: the server's, and for x-pack-security also those of
    x-pack-core, which it extends.
    """
    plugin = "org.elasticsearch.plugin"
    lib = resolve([f"org.elasticsearch:elasticsearch:{version}"])
    core = without(resolve([f"{plugin}:x-pack-core:{version}"]), lib)
    security = without(resolve([f"{plugin}:x-pack-security:{version}"]), lib, core)
    return {
        LIB: lib,
        "transport-netty4": without(resolve([f"{plugin}:transport-netty4:{version}"]), lib),
        "x-pack-core": core,
        "x-pack-security": security | resolve([OPENSAML], transitive=False),
        COMPILER: resolve([COMPILER_COORDINATE], transitive=False),
    }


def pin(artifact: JgoArtifact, where: tuple[str, ...]) -> Artifact:
    if artifact.classifier or artifact.packaging != "jar":
        raise ValueError(f"{artifact}: the lock holds plain jars alone")
    jar = Path(artifact.resolve())
    digest = hashlib.sha256(jar.read_bytes()).hexdigest()
    size = jar.stat().st_size
    return Artifact(artifact.groupId, artifact.artifactId, artifact.version, digest, size, where)


def lines(version: str) -> Iterator[str]:
    places: dict[tuple[str, str], list[str]] = {}
    artifacts: Resolved = {}
    for folder, resolved in folders(version).items():
        for key, artifact in resolved.items():
            places.setdefault((key, artifact.version), []).append(folder)
            artifacts[f"{key}:{artifact.version}"] = artifact
    yield f"# Elasticsearch {version}. Written by `python -m {__spec__.name} {version}`; not to be edited."
    yield "# group name version sha256 bytes folders"
    for (key, number), where in sorted(places.items()):
        yield pin(artifacts[f"{key}:{number}"], tuple(where)).line()


def main(version: str) -> None:
    target = Path(__file__).with_name(lock_name(version))
    target.write_text("\n".join(lines(version)) + "\n", encoding="utf-8")
    sys.stdout.write(f"{target.name} written\n")


if __name__ == "__main__":
    main(sys.argv[1])
