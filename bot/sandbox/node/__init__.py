"""A real, secured Elasticsearch node from pinned artifacts; see `Node.start`."""

from bot.sandbox.node.artifacts import DEFAULT_VERSION, VERSIONS
from bot.sandbox.node.errors import NodeError
from bot.sandbox.node.node import Connector, Node, NodeAccount

__all__ = ["DEFAULT_VERSION", "VERSIONS", "Connector", "Node", "NodeAccount", "NodeError"]
