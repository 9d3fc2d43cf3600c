"""The `bot` command, one file a group of commands."""
