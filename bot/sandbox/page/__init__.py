"""The sandbox in a browser: one page to see and use the local workspace, the traffic and the cluster."""

from bot.sandbox.page.server import PORT, PageServer

__all__ = ["PORT", "PageServer"]
