"""`access.yaml`: read strictly, with the line of everything that is wrong."""

from bot.policy_file.problems import PolicyFileError
from bot.policy_file.reading import parse, read

__all__ = ["PolicyFileError", "parse", "read"]
