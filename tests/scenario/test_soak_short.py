"""A short form of `make soak`: a few kills and many faults under load break no promise."""

from pathlib import Path

from bot.sandbox.node import Node
from tests.soak.soak import soak

KILLS = 6


def test_kills_and_faults_under_load_lose_nothing(node: Node, tmp_path: Path) -> None:
    report = soak(node, tmp_path, "sqlite", KILLS, seed=1, seconds=150)
    print(*report.lines(), sep="\n")
    assert report.violations == []
    assert report.kills == KILLS
    assert report.requests > KILLS
    assert report.faults > 0
