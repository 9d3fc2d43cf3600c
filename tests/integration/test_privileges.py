"""The index privileges that `access.yaml` may name are those of each node."""

from bot.config.access_yaml.model import INDEX_PRIVILEGES
from bot.sandbox.node import Node


def test_each_node_knows_every_privilege_that_may_be_named(each_node: Node) -> None:
    built_in = each_node.client().security.get_builtin_privileges().body["index"]
    assert set(INDEX_PRIVILEGES) <= set(built_in)
