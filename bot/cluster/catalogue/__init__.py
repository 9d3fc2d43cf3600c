"""The catalogue: the resources of a cluster and their owners, read from its state."""
