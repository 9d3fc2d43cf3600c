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

OUTER = (
    "bot.slack",
    "bot.cluster",
    "bot.storage",
    "bot.identity",
    "bot.proxy",
    "bot.sandbox",
    "bot.cli",
    "bot.runtime",
)
"""Rooms around the domain, which it does not know and which do not know each other."""

FORBIDDEN = {
    "access": (
        "slack_bolt", "slack_sdk", "elasticsearch", "elastic_transport", "apscheduler", "aiohttp",
        *OUTER, "bot.bootstrap", "bot.checks", "bot.config", "bot.network", "bot.observability",
        "bot.secret_stores",
    ),
    "slack": (*(each for each in OUTER if each != "bot.slack"), "bot.bootstrap", "elasticsearch", "elastic_transport"),
    "cluster": (*(each for each in OUTER if each != "bot.cluster"), "bot.bootstrap", "slack_bolt", "slack_sdk"),
    "storage": (
        *(each for each in OUTER if each != "bot.storage"), "bot.bootstrap", "slack_bolt", "slack_sdk", "elasticsearch",
    ),
}  # fmt: skip

TIERS = (
    ("grants", "lookup", "rotation"),
    ("requests", "notifications"),
    ("accounts",),
    ("ownership",),
    ("lifecycle", "audit", "owners"),
    ("store",),
    ("policy", "ports"),
    ("models",),
    ("cache", "call_failures", "durations", "passwords", "people"),
    ("calls",),
    ("backoff", "claims", "clock", "errors", "ids", "intervals", "states", "wording"),
)
"""The rooms of `access`, top to bottom: each imports only rooms of lower tiers."""

MOST_MODULES = 16
"""In one folder: more want rooms of their own."""

MIGRATIONS = ROOT / "storage" / "migrations" / "versions"
"""The steps of the schema are found by their numbers, and only ever become more."""


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


def test_blocks_are_built_without_listeners_or_calls() -> None:
    wrong = [
        f"{module.relative_to(ROOT)} imports {name}"
        for module in sorted((ROOT / "slack" / "blocks").glob("*.py"))
        for name in imports(module)
        if within(name, "slack_bolt")
        or within(name, "slack_sdk.WebClient")
        or (within(name, "bot.slack") and not within(name, "bot.slack.blocks") and name != "bot.slack.ids")
    ]
    assert wrong == []


def test_only_the_command_line_imports_bootstrap() -> None:
    importers = {
        module.relative_to(ROOT).parts[0]
        for module in MODULES
        if any(within(name, "bot.bootstrap") for name in imports(module))
    }
    assert importers <= {"bootstrap", "cli"}


ADAPTERS = frozenset({
    "AuditIndex", "AuditTrail", "CatalogueReader", "Elasticsearch", "ElasticsearchAccount", "ElasticsearchCluster",
    "InstallationIdentity", "Metrics", "Shipping", "SlackClient", "SlackDirectory", "SlackNotifier", "Store",
    "SystemClock", "WebClient", "bolt_app", "connect", "connect_clusters", "open_engine", "slack_client", "web_client",
})  # fmt: skip
"""What connects the application to a database, a cluster or Slack, and the functions that open such a connection."""

BUILDERS = {
    "checks/connection.py": {"connect"},  # a parameter, which bootstrap fills
    "checks/database.py": {"open_engine"},  # the same
    "checks/owner_memory.py": {"open_engine"},  # the same
    "cluster/client.py": {"Elasticsearch"},  # `connect` itself
    "cluster/cluster.py": {"CatalogueReader"},  # a part of `ElasticsearchCluster`
    "sandbox/node/node.py": {"Elasticsearch"},  # the sandbox starts a node of its own
    "storage/connection_errors.py": {"open_engine"},  # once more, after a connection has failed
    "slack/app.py": {"SlackClient"},  # `web_client` itself
}
"""Modules outside bootstrap that build some of these, and why."""


def calls(module: Path) -> set[str]:
    """The names that the module calls, and the classes that it calls through a module."""
    called = [node.func for node in ast.walk(ast.parse(module.read_text())) if isinstance(node, ast.Call)]
    names = {each.id for each in called if isinstance(each, ast.Name)}
    return names | {each.attr for each in called if isinstance(each, ast.Attribute) and each.attr[:1].isupper()}


def test_only_bootstrap_builds_what_connects_the_application() -> None:
    built = {module.relative_to(ROOT).as_posix(): calls(module) & ADAPTERS for module in MODULES}
    outside = {name: found for name, found in built.items() if found and not name.startswith("bootstrap/")}
    assert outside == BUILDERS


def test_imports_are_seen_wherever_they_stand() -> None:
    assert "bot.access.states.LIVE" in set(imports(ROOT / "access" / "grants" / "service.py"))
    # Inside a function, as in `storage/migrate.py`.
    assert "alembic.command" in set(imports(ROOT / "storage" / "migrate.py"))


@pytest.mark.parametrize("module", MODULES, ids=lambda module: module.relative_to(ROOT).as_posix())
def test_module_is_short_and_named_after_what_it_holds(module: Path) -> None:
    assert len(module.read_text().splitlines()) < LONGEST_MODULE
    assert module.stem not in {"utils", "util", "helpers", "helper", "manager", "common", "misc"}


def tier(room: str) -> int:
    return next(number for number, rooms in enumerate(TIERS) if room in rooms)


def test_every_room_of_the_domain_has_its_tier() -> None:
    rooms = {
        path.stem for path in (ROOT / "access").iterdir() if path.suffix == ".py" or (path / "__init__.py").exists()
    }
    assert rooms - {"__init__"} == {room for rooms in TIERS for room in rooms}


def test_rooms_of_the_domain_import_only_rooms_below_them() -> None:
    wrong = []
    for module in sorted((ROOT / "access").rglob("*.py")):
        here = Path(module.relative_to(ROOT / "access").parts[0]).stem
        for name in imports(module):
            parts = name.split(".")
            if within(name, "bot.access") and here != "__init__":
                there = parts[2]
                if there != here and tier(there) <= tier(here):
                    wrong.append(f"{module.relative_to(ROOT)} imports {name}")
    assert wrong == []


@pytest.mark.parametrize(
    "folder",
    sorted({module.parent for module in MODULES} - {MIGRATIONS}),
    ids=lambda folder: folder.relative_to(ROOT).as_posix(),
)
def test_folder_is_small_enough_to_find_a_file_in(folder: Path) -> None:
    modules = [module for module in folder.glob("*.py") if module.name != "__init__.py"]
    assert len(modules) <= MOST_MODULES
