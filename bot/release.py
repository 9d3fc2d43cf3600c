"""The release: its version, and the packages that not every installation needs."""

VERSION = "0.1.0"
"""Read from here by the build as well, so that a plain checkout knows it."""


def how_to_install(extra: str) -> str:
    """How to install the packages of that extra of `pyproject.toml`, in a sentence for the person who misses them.

    It names a folder, not the project: a stranger could register the project's name in a package index.
    """
    return f"pip install --no-build-isolation '.[{extra}]' in the folder of es-access"
