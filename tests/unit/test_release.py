"""The release runs from a plain checkout, and advises no name that a stranger could register."""

import os
import re
import subprocess
import sys
import sysconfig
import tomllib
import venv
import zipfile
from pathlib import Path

import pytest

import bot.release
from bot.release import VERSION, how_to_install

ROOT = Path(__file__).parents[2]
TEXTS = ("*.py", "*.md", "*.yml", "*.yaml", "*.toml", "Makefile", "Procfile", ".env.example")
FROM_AN_INDEX = re.compile(r"pip install (?:-\S+ )*['\"]?es-access")


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An interpreter that has the locked packages, and knows this project only by the folder it is started in."""
    folder = tmp_path_factory.mktemp("plain")
    venv.create(folder, with_pip=False, symlinks=True)
    packages = folder / "lib" / f"python{sys.version_info.major}.{sys.version_info.minor}" / "site-packages"
    # Only a path: the hook of the editable installation is not started in it.
    (packages / "locked.pth").write_text(sysconfig.get_path("purelib"))
    return folder / "bin" / "python"


def run_plain(python: Path, folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {"PATH": os.defpath, "PORT": "3000"}
    return subprocess.run(
        [str(python), *arguments], cwd=folder, env=environment, capture_output=True, text=True, timeout=60, check=False
    )


def test_a_plain_checkout_says_its_version(plain: Path, tmp_path: Path) -> None:
    assert run_plain(plain, tmp_path, "-m", "bot", "--version").returncode == 1, "it is known elsewhere, too"
    assert run_plain(plain, ROOT, "-m", "bot", "--version").stdout == f"es-access {VERSION}\n"


def test_each_process_of_the_procfile_starts_from_a_plain_checkout(plain: Path) -> None:
    processes = dict(line.split(": ", 1) for line in (ROOT / "Procfile").read_text().splitlines())
    assert set(processes) == {"web", "worker"}
    for command in processes.values():
        python, *arguments = command.split()
        assert python == "python"
        answer = run_plain(plain, ROOT, *arguments)
        assert answer.returncode == 1
        assert "SLACK_BOT_TOKEN is not set" in answer.stderr


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The content of the wheel, unpacked."""
    folder = tmp_path_factory.mktemp("wheel")
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)],
        cwd=ROOT, check=True, capture_output=True,
    )  # fmt: skip
    (built,) = folder.glob(f"es_access-{VERSION}-*.whl")
    zipfile.ZipFile(built).extractall(folder / "content")
    return folder / "content"


def test_the_wheel_has_every_file_of_the_package(wheel: Path) -> None:
    package = [each.relative_to(ROOT) for each in (ROOT / "bot").rglob("*") if each.is_file()]
    files = [each for each in package if "__pycache__" not in each.parts]
    assert len([each for each in files if each.suffix != ".py"]) > 5
    assert [str(each) for each in files if not (wheel / each).exists()] == []


def test_the_texts_of_a_new_installation_come_with_the_wheel(plain: Path, wheel: Path, tmp_path: Path) -> None:
    assert run_plain(plain, wheel, "-m", "bot", "manifest").stdout == (ROOT / "manifest.yml").read_text()
    environment = {"PATH": os.defpath, "PYTHONPATH": str(wheel)}
    written = subprocess.run(
        [str(plain), "-m", "bot", "init", "--policy", "many-teams"],
        cwd=tmp_path,
        env=environment,
        check=True,
        timeout=60,
    )
    assert written.returncode == 0
    assert (tmp_path / ".env").exists()
    assert (tmp_path / "access.yaml").read_text() == (ROOT / "examples" / "many-teams.yaml").read_text()


def test_the_version_stands_in_one_place() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    assert "version" not in project["project"]
    assert Path(project["tool"]["hatch"]["version"]["path"]).samefile(bot.release.__file__)


def test_both_names_of_the_command_are_one() -> None:
    scripts = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["scripts"]
    assert scripts.keys() == {"bot", "es-access"}
    assert len(set(scripts.values())) == 1


def test_nothing_advises_a_name_that_a_stranger_could_register() -> None:
    files = [each for pattern in TEXTS for each in ROOT.rglob(pattern) if ".venv" not in each.parts]
    assert len(files) > 500
    advising = [str(each.relative_to(ROOT)) for each in files if FROM_AN_INDEX.search(each.read_text(errors="replace"))]
    assert advising == []
    assert "es-access" not in how_to_install("vault").split(" in the folder")[0]


def test_every_extra_that_is_advised_exists() -> None:
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    named = re.compile(r"(?:how_to_install\(|EXTRA = )['\"]([a-z]+)['\"]")
    advised = {name for each in (ROOT / "bot").rglob("*.py") for name in named.findall(each.read_text())}
    assert {"postgres", "sandbox", "vault"} <= advised <= extras.keys()
