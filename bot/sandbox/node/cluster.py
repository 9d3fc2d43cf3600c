"""Several nodes in one cluster, on this machine."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import ExitStack, contextmanager, suppress
from functools import partial

import trustme
from rich.console import Console

from bot.sandbox.node.assembly import assemble
from bot.sandbox.node.errors import PortTakenError
from bot.sandbox.node.node import HEAP_MB, PORT_ATTEMPTS, Node, free_port
from bot.sandbox.node.node_home import PASSWORD_BYTES, Membership


@contextmanager
def running_nodes(
    version: str,
    count: int,
    *,
    console: Console | None = None,
    heap_mb: int = HEAP_MB,
    settings: Mapping[str, object] | None = None,
) -> Iterator[tuple[Node, ...]]:
    """Runs a cluster of `count` nodes for the block. Each of them serves the whole cluster.

    `heap_mb` and `settings` are for each node. Raises NodeError as `Node.start` does.
    """
    if count == 1:
        with Node.start(version, console=console, heap_mb=heap_mb, settings=settings) as node:
            yield (node,)
        return
    assemble(version, console)  # once, before the nodes start at the same time
    with ExitStack() as stack:
        start = partial(Node.start, version, heap_mb=heap_mb, settings=settings)
        yield _start(start, count, stack)


def _start(start: Callable[..., Node], count: int, running: ExitStack) -> tuple[Node, ...]:
    for _ in range(PORT_ATTEMPTS - 1):
        with suppress(PortTakenError):
            return _start_once(start, count, running)
    return _start_once(start, count, running)


def _start_once(start: Callable[..., Node], count: int, running: ExitStack) -> tuple[Node, ...]:
    ports = {f"sandbox-{number}": free_port() for number in range(1, count + 1)}
    authority, password = trustme.CA(), secrets.token_urlsafe(PASSWORD_BYTES)

    with ExitStack() as started, ThreadPoolExecutor(count) as threads:
        members = [Membership(name, ports, authority, password) for name in ports]
        starts = [threads.submit(start, membership=each) for each in members]
        wait(starts)  # none is alone: they wait for each other
        for each in starts:
            if each.exception() is None:
                started.enter_context(each.result())
        nodes = tuple(each.result() for each in starts)
        running.push(started.pop_all())
        return nodes
