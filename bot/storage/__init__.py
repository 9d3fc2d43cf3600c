"""Keeps the rows of `access` in SQLite or PostgreSQL."""
