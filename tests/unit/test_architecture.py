"""Dependencies point inwards. Read from the imports, so that a lazy import counts as well."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import bot

ROOT = Path(bot.__file__).parent
MODULES = sorted(ROOT.rglob("*.py"))

LONGEST_MODULE = 300
"""Lines; see the project's style."""

FORBIDDEN = {
    "access": (
        "slack_bolt", "slack_sdk", "elasticsearch", "elastic_transport", "apscheduler",
        "bot.slack", "bot.cluster", "bot.storage", "bot.sandbox", "bot.bootstrap", "bot.config.settings",
    ),
    "slack": ("bot.cluster", "bot.storage", "bot.sandbox", "elasticsearch", "elastic_transport"),
    "cluster": ("bot.slack", "bot.storage", "bot.sandbox", "slack_bolt", "slack_sdk"),
    "storage": ("bot.slack", "bot.cluster", "bot.sandbox", "slack_bolt", "slack_sdk", "elasticsearch"),
}  # fmt: skip


def imports(module: Path) -> Iterator[str]:
    """Every name that the module imports, fully spelt."""
    package = ".".join(["bot", *module.relative_to(ROOT).parts[:-1]])
    for node in ast.walk(ast.parse(module.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package.split(".")
            start = above[: len(above) - node.level + 1] if node.level else []
            source = ".".join([*start, *([node.module] if node.module else [])])
            yield from (f"{source}.{alias.name}" for alias in node.names)


def within(name: str, package: str) -> bool:
    return name == package or name.startswith(f"{package}.")


@pytest.mark.parametrize("package", FORBIDDEN)
def test_package_imports_nothing_that_lies_further_out(package: str) -> None:
    modules = sorted((ROOT / package).rglob("*.py"))
    assert modules
    wrong = [
        f"{module.relative_to(ROOT)} imports {name}"
        for module in modules
        for name in imports(module)
        if any(within(name, outer) for outer in FORBIDDEN[package])
    ]
    assert wrong == []


def test_only_the_command_line_imports_bootstrap() -> None:
    importers = {
        module.relative_to(ROOT).as_posix()
        for module in MODULES
        if any(within(name, "bot.bootstrap") for name in imports(module))
    }
    assert importers <= {"cli/main.py", "cli/audit.py", "__main__.py"}


def test_imports_are_seen_wherever_they_stand() -> None:
    assert "bot.access.states.LIVE" in set(imports(ROOT / "access" / "grants" / "service.py"))
    # Inside a function, as in `storage/migrate.py`.
    assert "alembic.command" in set(imports(ROOT / "storage" / "migrate.py"))


@pytest.mark.parametrize("module", MODULES, ids=lambda module: module.relative_to(ROOT).as_posix())
def test_module_is_short_and_named_after_what_it_holds(module: Path) -> None:
    assert len(module.read_text().splitlines()) < LONGEST_MODULE
    assert module.stem not in {"utils", "util", "helpers", "helper", "manager", "common", "misc"}
