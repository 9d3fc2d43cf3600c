"""The sandbox in a browser: one page that shows the local workspace, the traffic and the cluster, and acts in them."""

from bot.sandbox.page.page import PORT, Page

__all__ = ["PORT", "Page"]
