"""The calls that end a grant by hand, as Kibana's console takes them: a body has a line of its own."""

from bot.access.models.columns import CredentialKind
from bot.access.models.grants import Grant
from bot.access.models.requests import AccessRequest


def calls_by_hand(grant: Grant, request: AccessRequest) -> str:
    """The calls, one below the other. The first one deletes the credential, or what the requester's own account holds.

    A password may have begun sessions, whose tokens outlive the user; a cluster without tokens refuses that call.
    """
    if request.kind is CredentialKind.OWN_ACCOUNT:
        return f"DELETE /_security/role/{(request.account or {}).get('role', '')}"
    return "\n".join(line for name in grant.usernames for line in _calls(name, request.kind))


def _calls(username: str, kind: CredentialKind) -> tuple[str, ...]:
    user, role = (f"DELETE /_security/{each}/{username}" for each in ("user", "role"))
    keys, tokens = (f'DELETE /_security/{each}\n{{"username": "{username}"}}' for each in ("api_key", "oauth2/token"))
    return (keys, user, role) if kind is CredentialKind.API_KEY else (user, keys, tokens, role)
