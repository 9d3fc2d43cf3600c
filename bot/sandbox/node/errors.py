"""Errors of the embedded node."""


class NodeError(RuntimeError):
    """The node could not be fetched, built or started; the message says which and why."""


class PortTakenError(NodeError):
    """Another process listens on the node's port."""
