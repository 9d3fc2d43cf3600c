"""Receipts: the state that is read back from a cluster at the end of a grant, as it is stored with the grant."""

from dataclasses import dataclass
from datetime import datetime

from bot.access.models.columns import Json

MOST_NAMES, LONGEST_NAME = 50, 200
"""Names of indices that a stored receipt repeats, and characters of each: one may be an expression of kilobytes."""


@dataclass(frozen=True)
class PersonalRoleLeft:
    """A personal role as it was read back: the grants and the names of indices that it holds, none if it is gone.

    `others` are further roles of this application that name the same person. There should be none.
    """

    name: str
    grants: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    others: tuple[str, ...] = ()

    def stored(self) -> dict[str, Json]:
        """The form stored with the grant and in the audit, where many names and long ones are cut."""
        names = [name[:LONGEST_NAME] for name in self.names[:MOST_NAMES]]
        return {"name": self.name, "grants": list(self.grants), "names": names, "others": list(self.others)}


@dataclass(frozen=True)
class Receipt:
    """The state read back from the cluster after a revocation. `errors` are sentences without secrets.

    `user_disabled`: the user remains but nobody can sign in as it: disabled, without a role, its password unknown.
    `keys_ended` counts the API keys invalidated by this call, and `tokens_ended` the tokens of sessions: 0 where the
    cluster has none, `None` if it did not confirm their end. `foreign`: the name belongs to a user or role without
    this application's metadata, and nothing was changed. `final`: the cluster refused, so that a retry will hardly
    help. `gone_at` is when this call saw that nobody can use the credential any more, if it took longer to finish.

    With a `personal_role` there never was a user or a key of the grant, and `role_gone` says that neither this role nor
    another of ours gives the person the ended access.
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
    personal_role: PersonalRoleLeft | None = None

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
            **({"personal_role": self.personal_role.stored()} if self.personal_role else {}),
        }
