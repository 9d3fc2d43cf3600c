"""Receipts: the state that is read back from a cluster at the end of a grant, as it is stored with the grant."""

from dataclasses import dataclass
from datetime import datetime

from bot.access.models.columns import Json


@dataclass(frozen=True)
class Receipt:
    """The state read back from the cluster after a revocation. `errors` are sentences without secrets.

    `user_disabled`: the user remains but nobody can sign in as it: disabled, without a role, its password unknown.
    `keys_ended` counts the API keys invalidated by this call, and `tokens_ended` the tokens of sessions: 0 where the
    cluster has none, `None` if it did not confirm their end. `foreign`: the name belongs to a user or role without
    this application's metadata, and nothing was changed. `final`: the cluster refused, so that a retry will hardly
    help. `gone_at` is when this call saw that nobody can use the credential any more, if it took longer to finish.
    """

    user_gone: bool
    role_gone: bool
    keys_left: int | None
    errors: tuple[str, ...] = ()
    foreign: bool = False
    user_disabled: bool = False
    keys_ended: int = 0
    tokens_ended: int | None = 0
    final: bool = False
    gone_at: datetime | None = None

    @property
    def complete(self) -> bool:
        """Whether nothing of the grant can be used any more."""
        gone = (self.user_gone or self.user_disabled) and self.role_gone
        return gone and self.keys_left == 0 and self.tokens_ended is not None

    def stored(self) -> dict[str, Json]:
        """The form stored with the grant and in the audit."""
        return {
            "user_gone": self.user_gone,
            "user_disabled": self.user_disabled,
            "role_gone": self.role_gone,
            "keys_ended": self.keys_ended,
            "keys_left": self.keys_left,
            "tokens_ended": self.tokens_ended,
            "errors": list(self.errors),
        }
