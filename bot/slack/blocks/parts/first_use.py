"""The first use of a credential: the line to paste, and the link to Kibana."""

import json
from collections.abc import Sequence
from urllib.parse import quote, urlencode

from bot.access.models.columns import CredentialKind
from bot.access.models.requests import AccessRequest
from bot.access.policy.model import BUILT_IN, Integration
from bot.access.ports import Credential
from bot.slack.blocks.rich_text import Code, Line, Link, Pre

LONGEST_REQUEST = 4096
"""Bytes of the first line of a request, Elasticsearch's default for `http.max_initial_line_length`."""

LONGEST_LINK = 2000
"""Characters of a link, which Slack and every browser take."""

_URL = "%/:?=&~+;[]"
"""What stays in an address. It has no quotation mark of any shell: those of PowerShell are not ASCII."""

_LOCATOR_SINCE = "8.5.0"
"""The version of Kibana whose form the link has; later ones take it, too."""


def first_use(
    request: AccessRequest, integration: Integration, names: Sequence[str], credential: Credential
) -> list[Line]:
    """The link to Kibana where it opens, and a line that reads one document. `names` are those that work."""
    several = len(names)
    searched = _within_a_request(integration.public_url, names)
    one = f"Try it, with one of the {several} names, since all make too long a line:"
    lines: list[Line] = [*_kibana(request, integration, names, credential)]
    lines.append(("Try it:",) if len(searched) == several else (one,))
    lines.append(Pre(search_line(integration, searched, credential)))
    if integration.ca_file:
        where = integration.ca_hint or f"Ask an owner of {integration.name} for it."
        lines.append((Code(integration.ca_file), f" is the certificate of the cluster's CA. {where}"))
    return lines


def search_line(integration: Integration, patterns: Sequence[str], credential: Credential) -> str:
    """A `curl` command that reads one document from the granted indices.

    Nothing is special to bash, zsh or PowerShell in single quotes, and no part has one: an index name is
    percent-encoded, and so is what an address may not have.
    """
    secret = credential.secret.get_secret_value()
    if credential.kind is CredentialKind.API_KEY:
        account = f"-H 'Authorization: ApiKey {secret}'"
    else:
        account = f"-u '{credential.username}:{secret}'"
    trust = f"--cacert '{integration.ca_file}' " if integration.ca_file else ""
    return f"curl {trust}{account} '{quote(integration.public_url, safe=_URL)}{_search(patterns)}'"


def _search(patterns: Sequence[str]) -> str:
    return f"/{','.join(quote(pattern, safe='*:') for pattern in patterns)}/_search?size=1"


def _within_a_request(url: str, names: Sequence[str]) -> Sequence[str]:
    """All names, or the first one if they make a longer request than Elasticsearch takes."""
    length = len(f"GET {quote(url, safe=_URL)}{_search(names)} HTTP/1.1\r\n")
    return names if length <= LONGEST_REQUEST else names[:1]


def _kibana(
    request: AccessRequest, integration: Integration, names: Sequence[str], credential: Credential
) -> list[Line]:
    """The link to Discover. Nobody signs in to Kibana with a key."""
    held = request.privileges or {}
    if credential.kind is CredentialKind.API_KEY or integration.kibana_url is None:
        return []
    if request.permission in BUILT_IN:
        space = integration.kibana_space
    elif held.get("kibana"):
        spaces = held.get("spaces") or ["default"]
        space = integration.kibana_space if integration.kibana_space in spaces else spaces[0]
    else:
        return []
    address = discover_link(integration.kibana_url, space, names)
    return [(Link("Open in Kibana", address), ": Discover, with the username and password above.")]


def own_kibana(request: AccessRequest, integration: Integration, names: Sequence[str]) -> list[Line]:
    """The link to Discover for somebody who opens Kibana with an account of their own."""
    if integration.kibana_url is None:
        return []
    spaces = (request.privileges or {}).get("spaces") or [integration.kibana_space]
    held = request.permission in BUILT_IN or integration.kibana_space in spaces
    space = integration.kibana_space if held else spaces[0]
    return [(Link("Open in Kibana", discover_link(integration.kibana_url, space, names)),)]


def discover_link(kibana_url: str, space: str, names: Sequence[str]) -> str:
    """Discover in that space, with a data view of its own on these names, or on the first if the link were too long.

    Kibana's locator of Discover (`/app/r`, its parameters as JSON) needs no saved data view.
    """
    base = quote(kibana_url, safe=_URL) + ("" if space == "default" else f"/s/{space}")
    for some in (names, names[:1]):
        view = json.dumps({"dataViewSpec": {"title": ",".join(some)}}, separators=(",", ":"))
        link = f"{base}/app/r?{urlencode({'l': 'DISCOVER_APP_LOCATOR', 'v': _LOCATOR_SINCE, 'p': view})}"
        if len(link) <= LONGEST_LINK:
            break
    return link
