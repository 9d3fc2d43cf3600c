"""The documents are true: links lead somewhere, and the commands, targets and paths that they name exist."""

import re
import shlex
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest
import typer
from typer.core import TyperCommand, TyperGroup

from bot.cli.main import app
from bot.config.settings import Settings
from bot.slack.command.command import Verb
from bot.slack.listeners.command_parser import parse

ROOT = Path(__file__).parents[2]
DOCUMENTS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
SETTINGS = [
    ROOT / ".env.example",
    ROOT / "manifest.yml",
    ROOT / "Makefile",
    *sorted((ROOT / "examples").glob("*.yaml")),
]
"""Files whose comments name documents as well."""

LONGEST_README = 130
"""Lines: a newcomer reads it to the end."""

FENCED = re.compile(r"^```\w*\n(.*?)^```$", re.MULTILINE | re.DOTALL)
INLINE = re.compile(r"`([^`\n]+)`")
LINK = re.compile(r"\]\(([^)\s]+)\)")
HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)
TARGET = re.compile(r"^([a-z-]+):", re.MULTILINE)
PATH = re.compile(r"(?:bot|tests|docs|benchmarks|deploy|examples)/[\w./-]*")
DOCUMENT = re.compile(r"\bdocs/[\w./-]+\.md")

COMMAND_LINE = ROOT / "docs" / "command-line.md"
EXAMPLE_ID = "REQ-7K3F9Q"


def text_of(document: Path) -> str:
    return document.read_text(encoding="utf-8")


def prose(document: Path) -> str:
    """The text without its blocks of code."""
    return FENCED.sub("", text_of(document))


def code(document: Path) -> Iterator[str]:
    """Every line of a block and every piece of inline code, without the comment at its end."""
    for block in FENCED.findall(text_of(document)):
        yield from (re.sub(r"\s+#.*$", "", line).strip() for line in block.splitlines())
    for line in prose(document).splitlines():
        yield from INLINE.findall(line)


def commands(document: Path, program: str) -> list[str]:
    """What follows the program wherever the document calls it, without the brackets of optional parts."""
    lines = (line.removeprefix(".venv/bin/").replace("[", "").replace("]", "") for line in code(document))
    return [line.removeprefix(f"{program} ") for line in lines if line.startswith(f"{program} ")]


def anchors(document: Path) -> set[str]:
    """The anchors that GitHub gives the headings."""
    words = (re.sub(r"[^\w\- ]", "", heading.lower()) for heading in HEADING.findall(prose(document)))
    return {each.replace(" ", "-") for each in words}


def terminal() -> TyperGroup:
    """The `bot` command."""
    group = typer.main.get_command(app)
    assert isinstance(group, TyperGroup)
    return group


def check_arguments(command: object, arguments: list[str]) -> None:
    """Fails on an option that the command does not have, and on an argument too many."""
    assert isinstance(command, TyperGroup | TyperCommand)
    _, rest, _ = command.make_parser(typer.Context(command)).parse_args(arguments)
    if isinstance(command, TyperGroup) and rest:
        assert rest[0] in command.commands, f"there is no command {rest[0]}"
        check_arguments(command.commands[rest[0]], rest[1:])
    else:
        assert rest == []


def name_of(document: Path) -> str:
    return document.relative_to(ROOT).as_posix()


every_document = pytest.mark.parametrize("document", DOCUMENTS, ids=name_of)


@every_document
def test_links_lead_to_files_and_headings(document: Path) -> None:
    for link in LINK.findall(prose(document)):
        if "://" in link:
            continue  # another host's pages are not ours to keep
        path, _, anchor = link.partition("#")
        target = document.parent / path if path else document
        assert target.exists(), link
        assert not anchor or anchor in anchors(target), link


@every_document
def test_commands_of_the_terminal_exist_with_their_options(document: Path) -> None:
    for line in commands(document, "bot"):
        check_arguments(terminal(), shlex.split(line.split(" > ")[0]))


@every_document
def test_commands_in_slack_are_understood(document: Path) -> None:
    for line in commands(document, "/es-access"):
        if line in {each.value for each in Verb} | {"…"}:
            continue  # the command is only named
        parse(re.sub(r"\bID\b", EXAMPLE_ID, line), ["read", "write", "manage"])


@every_document
def test_make_targets_exist(document: Path) -> None:
    targets = set(TARGET.findall(text_of(ROOT / "Makefile")))
    for line in commands(document, "make"):
        assert {each for each in line.split() if "=" not in each} <= targets, line


@every_document
def test_python_modules_that_are_run_exist(document: Path) -> None:
    for line in code(document):
        for module in re.findall(r"python -m (\w+)", line):
            assert find_spec(module) is not None, line


@every_document
def test_named_paths_exist(document: Path) -> None:
    for line in code(document):
        for word in re.split(r"[\s:]+", line):
            if PATH.fullmatch(word):
                # A module may be named without its ending.
                assert (ROOT / word).exists() or (ROOT / f"{word}.py").exists(), word


@pytest.mark.parametrize("file", SETTINGS, ids=name_of)
def test_documents_named_in_comments_exist(file: Path) -> None:
    for named in DOCUMENT.findall(text_of(file)):
        assert (ROOT / named).exists(), named


def test_every_command_of_the_terminal_is_documented() -> None:
    documented = {line.split()[0] for line in commands(COMMAND_LINE, "bot")}
    assert set(terminal().commands) <= documented


def test_every_document_is_in_the_index() -> None:
    index = ROOT / "docs" / "README.md"
    linked = {link.partition("#")[0] for link in LINK.findall(text_of(index))}
    assert {each.name for each in (ROOT / "docs").glob("*.md")} - {index.name} <= linked


def test_readme_is_short() -> None:
    assert len(text_of(ROOT / "README.md").splitlines()) <= LONGEST_README


def test_a_wrong_command_is_noticed() -> None:
    with pytest.raises(Exception, match="No such option: --tail"):
        check_arguments(terminal(), ["audit", "verify", "--tail"])
    with pytest.raises(AssertionError, match="no command undo"):
        check_arguments(terminal(), ["undo"])
    with pytest.raises(AssertionError):
        check_arguments(terminal(), ["discover", "one", "two"])


OF_OTHER_PROGRAMS = {"HTTPS_PROXY", "NO_PROXY"}
"""Variables that are read as every program reads them, and are no settings of this one."""


def test_every_setting_is_in_the_example_and_on_the_page_of_settings_and_no_other() -> None:
    settings = {name.upper() for name in Settings.model_fields} | OF_OTHER_PROGRAMS
    example = re.findall(r"^#?([A-Z_]+)=", text_of(ROOT / ".env.example"), re.MULTILINE)
    page = re.findall(r"^\| `([A-Z_]+)` \|", text_of(ROOT / "docs" / "settings.md"), re.MULTILINE)
    assert sorted(example) == sorted(settings)
    assert sorted(page) == sorted(settings)
