"""Fixtures that every test may ask for."""

import structlog

pytest_plugins = ["tests.databases", "tests.forked", "tests.nodes", "tests.pgbouncer", "tests.stage"]

# As in production. The default shows every local variable, which took ten seconds on a busy machine (measured).
structlog.configure(
    processors=[
        *structlog.get_config()["processors"][:-1],
        structlog.dev.ConsoleRenderer(colors=False, exception_formatter=structlog.dev.plain_traceback),
    ]
)
