"""Whether one person's accesses can stand together in a personal role."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from bot.access.accounts.role_entries import check_together
from bot.access.audit.terms import names_held
from bot.access.errors import InvalidRequest, RequestField
from bot.access.policy.limits.joined import show_more_together
from bot.access.policy.model import Permission
from bot.access.ports import CredentialSpec, Privileges
from bot.access.store.store import Store


def check_with_others(
    store: Store, integration: str, person: str, names: Sequence[str], permission: Permission,
    excluded: Sequence[str], at: datetime,
) -> None:  # fmt: skip
    """Raises `InvalidRequest` if the permission on these names cannot be given to the person's account beside their
    live accesses.
    """
    with store.reading() as read:
        live = read.own_grants(integration, [person])
    for grant, request in live:
        held = Permission.restored(request.permission, request.privileges)
        if show_more_together(permission, names, held, names_held(request)):
            raise InvalidRequest(
                f"Together with {grant.id} your account would see more than either of them shows: Elasticsearch joins "
                "their limits. Ask for a password or an API key, with --password or --key.",
                about=RequestField.PURPOSE,
            )
    if live:
        parts = [
            _part(names_held(request), request.privileges, request.excluded or (), grant.expires_at)
            for grant, request in live
        ]
        check_together([*parts, _part(names, permission.stored(), excluded, at)])


def _part(
    names: Sequence[str], privileges: Mapping[str, Any], excluded: Sequence[str], until: datetime
) -> CredentialSpec:
    return CredentialSpec("", "", "", tuple(names), Privileges.restored(privileges), until, excluded=tuple(excluded))
