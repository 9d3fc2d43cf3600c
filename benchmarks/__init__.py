"""Speed of the application on a real node and a local workspace, compared with bare calls: `python -m benchmarks`."""
