"""The line that a requester can paste into a shell."""

from collections.abc import Sequence
from urllib.parse import quote


def search_line(url: str, patterns: Sequence[str], username: str, password: str) -> str:
    """One `curl` line that reads one document of what was granted.

    In single quotes nothing is special to a shell; an index name may hold a single quote, so it is percent-encoded.
    """
    path = ",".join(quote(pattern, safe="*") for pattern in patterns)
    return f"curl -u '{username}:{password}' '{url}/{path}/_search?size=1'"
