"""Reads `access.yaml` strictly, and reports each problem with its line."""

from bot.config.access_yaml.problems import PolicyFileError, Problem
from bot.config.access_yaml.reader import parse, read

__all__ = ["PolicyFileError", "Problem", "parse", "read"]
