"""The texts that a new installation begins with. A wheel contains copies of those in the project."""

from pathlib import Path

_HERE = Path(__file__).parent

POLICIES = ("one-team", "many-teams", "on-call")
"""The example policies, by name."""


def path_of(name: str) -> Path:
    """The file of that path in the project."""
    packaged = _HERE / "texts" / name
    return packaged if packaged.exists() else _HERE.parents[1] / name


def read_text(name: str) -> str:
    """The content of the file of that path in the project."""
    return path_of(name).read_text(encoding="utf-8")
