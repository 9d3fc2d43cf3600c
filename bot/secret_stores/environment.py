"""A variable of the environment or of `.env`: read at the start, and never written."""

from dataclasses import dataclass

from pydantic import SecretStr

from bot.access.errors import Refusal


@dataclass(frozen=True)
class EnvironmentStore:
    """The variable `name`. Its value belongs to this process alone, so a new one would be lost with it."""

    name: str
    value: SecretStr

    @property
    def place(self) -> str:
        """The name of the variable."""
        return f"the variable {self.name}"

    def read(self) -> SecretStr:
        """The value as it was at the start."""
        return self.value

    def previous(self) -> None:
        """A variable remembers nothing."""

    def write(self, secret: SecretStr) -> None:  # noqa: ARG002 (as every store is called)
        """Raises `Refusal`."""
        self.check_writable()

    def check_writable(self) -> None:
        """Raises `Refusal`."""
        raise Refusal(f"{self.place} cannot be written")
