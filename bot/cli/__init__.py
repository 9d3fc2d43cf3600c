"""The `bot` command: one file for each group of commands."""
