"""A variable of the environment or of `.env`. It is read at the start and never written."""

from dataclasses import dataclass

from pydantic import SecretStr

from bot.access.errors import Refusal


@dataclass(frozen=True)
class EnvironmentStore:
    """The variable `name`. A new value would be lost when this process ends."""

    name: str
    value: SecretStr

    @property
    def location(self) -> str:
        """The name of the variable."""
        return f"the variable {self.name}"

    def read(self) -> SecretStr:
        """The value as it was at the start."""
        return self.value

    def previous(self) -> None:
        """`None`: a variable has no history."""

    def write(self, secret: SecretStr) -> None:  # noqa: ARG002 (the signature of every store)
        """Always raises `Refusal`."""
        self.check_writable()

    def check_writable(self) -> None:
        """Always raises `Refusal`."""
        raise Refusal(
            f"{self.location} cannot be written. Keep the password in a file or another secret store, or change it by"
            " hand: in the cluster, then there, and start es-access again"
        )
