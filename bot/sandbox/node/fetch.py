"""Fetches artifacts into the cache, several at once, and verifies each before it gets its final name."""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

from bot.sandbox.node.artifacts import Artifact
from bot.sandbox.node.errors import NodeError

THREADS = 8
"""Concurrent downloads. Most artifacts are small, so a single connection would mostly wait."""

TIMEOUT = 60
"""Seconds without receiving a byte."""

ATTEMPTS = 3
"""For each file. There are about a hundred, and one dropped connection must not fail them all."""

CHUNK = 1 << 16
"""Bytes."""

Advance = Callable[[int], None]


def fetch(
    artifacts: Sequence[Artifact],
    store: Path,
    *,
    console: Console | None = None,
    repositories: Sequence[str] | None = None,
) -> dict[Artifact, Path]:
    """The file of each artifact in `store`, after downloading the missing and damaged ones.

    Raises NodeError when one is unavailable or differs from the lock; none of it then stays in `store`.
    `repositories` are URLs of Maven repositories, by default those of jgo.
    """
    store.mkdir(parents=True, exist_ok=True)
    places = {artifact: store / f"{artifact.sha256[:16]}-{artifact.filename}" for artifact in artifacts}
    missing = [artifact for artifact, place in places.items() if not is_whole(artifact, place)]
    if missing:
        sources = default_repositories() if repositories is None else repositories
        with progress(missing, console) as advance, ThreadPoolExecutor(THREADS) as pool:
            jobs = [pool.submit(download, item, places[item], sources, advance) for item in missing]
            try:
                for job in jobs:
                    job.result()
            except BaseException:
                pool.shutdown(wait=False, cancel_futures=True)
                raise
    return places


def default_repositories() -> list[str]:
    """The repositories that jgo uses, so that no host is named here."""
    from jgo.maven import MavenContext

    return list(MavenContext().remote_repos.values())


def is_whole(artifact: Artifact, place: Path) -> bool:
    return place.is_file() and hashlib.sha256(place.read_bytes()).hexdigest() == artifact.sha256


def download(artifact: Artifact, place: Path, repositories: Sequence[str], advance: Advance) -> None:
    """Downloads it from the first repository that has it; raises NodeError if none has."""
    problems = []
    for repository in repositories:
        url = f"{repository.rstrip('/')}/{artifact.path}"
        for _ in range(ATTEMPTS):
            try:
                save(artifact, url, place, advance)
            except OSError as problem:  # all errors of requests are IOErrors
                problems.append(type(problem).__name__)
            else:
                return
    raise NodeError(f"{artifact.filename} could not be downloaded: {', '.join(problems)}")


def save(artifact: Artifact, url: str, place: Path, advance: Advance) -> None:
    digest = hashlib.sha256()
    with tempfile.NamedTemporaryFile(dir=place.parent, prefix=".fetching-", delete=False) as part:
        unfinished = Path(part.name)
        received = 0
        try:
            for chunk in read(url):
                part.write(chunk)
                digest.update(chunk)
                received += len(chunk)
                advance(len(chunk))
            part.close()
            check(artifact, digest.hexdigest())
            unfinished.replace(place)
        except BaseException:
            advance(-received)
            part.close()
            unfinished.unlink(missing_ok=True)
            raise


def check(artifact: Artifact, sha256: str) -> None:
    if sha256 != artifact.sha256:
        raise NodeError(
            f"{artifact.filename}: the download is not the file that was locked"
            f" (SHA-256 {sha256}, expected {artifact.sha256})"
        )


def read(url: str) -> Iterator[bytes]:
    from jgo.util import http

    with http.get(url, stream=True, timeout=TIMEOUT) as response:
        response.raise_for_status()
        chunks: Iterator[Any] = response.iter_content(CHUNK)
        yield from chunks


@contextmanager
def progress(missing: Sequence[Artifact], console: Console | None) -> Iterator[Advance]:
    """A progress bar over all bytes; silent without a console."""
    if console is None:
        yield lambda _count: None
        return
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console) as bars:
        total = sum(artifact.size for artifact in missing)
        task = bars.add_task(f"Fetching Elasticsearch ({len(missing)} files)", total=total)
        yield lambda count: bars.advance(task, count)
