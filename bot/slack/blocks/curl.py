"""The line that a requester can paste into a shell."""

from collections.abc import Sequence
from urllib.parse import quote

from bot.access.models.columns import CredentialKind
from bot.access.ports import Credential


def search_line(url: str, patterns: Sequence[str], credential: Credential) -> str:
    """A `curl` command that reads one document from the granted indices.

    Nothing is special to a shell in single quotes. An index name may contain one, so it is percent-encoded.
    """
    path = ",".join(quote(pattern, safe="*") for pattern in patterns)
    secret = credential.secret.get_secret_value()
    if credential.kind is CredentialKind.API_KEY:
        account = f"-H 'Authorization: ApiKey {secret}'"
    else:
        account = f"-u '{credential.username}:{secret}'"
    return f"curl {account} '{url}/{path}/_search?size=1'"
