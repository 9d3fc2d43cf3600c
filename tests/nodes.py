"""Real Elasticsearch nodes: one of each version for a whole test run.

`ES_ACCESS_NODE_VERSIONS` names the versions, separated by commas; `node` has the first.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from time import monotonic, sleep

import pytest

from bot.sandbox.node import VERSIONS, Node
from tests.identity_provider import IdentityProvider

LICENSED = {"xpack.license.self_generated.type": "trial", "xpack.security.authc.token.enabled": True}
"""With a licence for single sign-on, and tokens of sessions."""

NodeOf = Callable[[str], Node]


def versions() -> list[str]:
    named = os.environ.get("ES_ACCESS_NODE_VERSIONS", ",".join(VERSIONS))
    return [version.strip() for version in named.split(",")]


@pytest.fixture(scope="session")
def node_of() -> Iterator[NodeOf]:
    """Returns the run's node of a version, and starts it on first use."""
    running: dict[str, Node] = {}
    with ExitStack() as stack:

        def start(version: str) -> Node:
            if version not in running:
                running[version] = stack.enter_context(Node.start(version))
            return running[version]

        yield start


@pytest.fixture(scope="session")
def node(node_of: NodeOf) -> Node:
    """The node for tests that need only one version."""
    return node_of(versions()[0])


@pytest.fixture(scope="session", params=versions())
def each_node(request: pytest.FixtureRequest, node_of: NodeOf) -> Node:
    """A node of each version in turn."""
    return node_of(request.param)


@pytest.fixture(scope="session")
def identity_provider(tmp_path_factory: pytest.TempPathFactory) -> IdentityProvider:
    """Signs people in to the licensed nodes."""
    return IdentityProvider(tmp_path_factory.mktemp("identity-provider"))


@pytest.fixture(scope="session", params=versions())
def licensed(request: pytest.FixtureRequest, identity_provider: IdentityProvider) -> Iterator[Node]:
    """A node of each version in turn, with tokens and single sign-on."""
    with Node.start(request.param, settings={**LICENSED, **identity_provider.settings}) as running:
        yield running


def wait_for_licence(node: Node) -> None:
    """Waits some seconds: a node makes its licence after its start, and has every feature before."""
    late = monotonic() + 30
    while node.client().options(ignore_status=404).license.get().meta.status != 200:
        assert monotonic() < late
        sleep(0.1)


def make_visible(node: Node) -> None:
    """Refreshes the node's security index, so that a search finds new users and keys and no deleted ones."""
    node.client().security.put_user(username="refreshed", password="to-make-visible", roles=[], refresh=True)
