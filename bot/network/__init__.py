"""The way to other servers."""
