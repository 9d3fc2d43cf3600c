"""Fixtures that every test may ask for."""

pytest_plugins = ["tests.databases", "tests.forked", "tests.nodes", "tests.pgbouncer", "tests.stage"]
