"""The sandbox in a browser: one page that shows the local workspace, the traffic and the cluster, and acts in them."""

from bot.sandbox.page.server import PORT, PageServer

__all__ = ["PORT", "PageServer"]
