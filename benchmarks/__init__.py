"""How fast the application is on a real node and a local workspace, beside the bare calls: `python -m benchmarks`."""
