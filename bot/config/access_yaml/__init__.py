"""`access.yaml`: read strictly, with the line of everything that is wrong."""

from bot.config.access_yaml.problems import PolicyFileError
from bot.config.access_yaml.reader import parse, read

__all__ = ["PolicyFileError", "parse", "read"]
