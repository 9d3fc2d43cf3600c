"""The configuration, from variables or from `access.yaml`, and the types of its values."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated
from urllib.parse import unquote, urlsplit

from elastic_transport.client_utils import parse_cloud_id
from pydantic import AfterValidator, Field, SecretStr, ValidationInfo

from bot.access.policy.access_details import check_details
from bot.access.policy.model import LONGEST_DETAILS, LONGEST_HINT, Policy
from bot.cluster.client import ClusterConnection, node_at

MOST_DAYS = 3650
"""The limit for rotation and cleanup: ten years, as for a duration. More is a typing error."""

LONGEST_KEY = 100
"""Characters of the `_meta` key that holds owners."""

URL_SHAPE = r"https?://[^\s/@?#\\]+(/[^\s?#\\]*)?"
"""An address: without user, query or fragment."""

HTTPS = 443
"""The port of `https://` without a port."""

SHORTEST_TOKEN = 13
"""Characters. `.env.example` holds only the prefix of each token; Slack's tokens are over fifty long."""


SPACE = r"[a-z0-9_-]+"
"""The identifier of a Kibana space ("Kibana spaces", Elastic)."""

_CA_FILE = re.compile(r"[\w.-]{1,80}", re.ASCII)
"""A name of a file that needs no quoting anywhere."""


def ca_file_of(ca_certs: Path | None, hint: str, *, own_address: bool) -> str | None:
    """The name of the file with the CA, as people see it; `None` if they need none.

    `own_address`: people use another address than the connector account. Its certificate may be a public one, so they
    are given a file only with a hint.
    """
    if not hint and (ca_certs is None or own_address):
        return None
    name = ca_certs.name if ca_certs is not None else ""
    return name if _CA_FILE.fullmatch(name) else "ca.pem"


def http_url(url: str) -> str:
    """The URL without a slash at its end. Raises `ValueError`."""
    if not re.fullmatch(URL_SHAPE, url) or not url.isprintable():
        raise ValueError(_problem_with_url(url))
    try:
        node_at(url)
        segments = unquote(urlsplit(url).path).split("/")
    except ValueError:
        raise ValueError("is no address: host or port cannot be right") from None
    if {".", ".."} & set(segments):
        raise ValueError("must not have . or .. between the slashes of its path")
    return url.rstrip("/")


def _problem_with_url(url: str) -> str:
    if re.match(r"https?://[^\s/?#\\]*@", url):
        return "must be like https://HOST:PORT, without a user or password in it"
    if re.match(r"https?://[^\s@\\]*[?#]", url):
        return "must end with the host, the port or a path: leave out what begins with ? or #"
    return "must be like https://HOST:PORT"


def cloud_url(cloud_id: str) -> str:
    """The URL of a deployment's Elasticsearch, as the client reads the Cloud ID. Raises `ValueError`."""
    address = parse_cloud_id(cloud_id).es_address
    if address is None or address[0] is None:
        raise ValueError("names no Elasticsearch")
    host, port = address
    return f"https://{host}" if port in {None, HTTPS} else f"https://{host}:{port}"


def _a_cloud_id(cloud_id: str) -> str:
    name, colon, code = cloud_id.partition(":")
    if not (name and colon and code) or ":" in code:
        raise ValueError(
            "must be NAME:CODE with one colon, as the deployment's page in Elastic Cloud shows it. NAME may be any text"
            " without a colon"
        )
    try:
        http_url(cloud_url(cloud_id))
    except ValueError:
        raise ValueError("is no Cloud ID: copy it from the deployment's page in Elastic Cloud") from None
    return cloud_id


def is_file(path: Path) -> bool:
    """Whether the file exists and this user can see it."""
    try:
        return path.is_file()
    except (OSError, ValueError):  # a name too long or with a null byte, or a folder without permission to enter
        return False


def _a_file(path: Path, info: ValidationInfo) -> Path:
    if not is_file(path):
        raise ValueError("names no file")
    # Certificates are the only files that are declared after an address, so it is known here.
    address = info.data.get("url") or info.data.get("elasticsearch_url") or ""
    if address.startswith("http://"):
        raise ValueError("is of no use with http://: begin the address with https://, or leave this out")
    return path


def _a_space(name: str) -> str:
    if not re.fullmatch(SPACE, name):
        raise ValueError("is no identifier of a Kibana space: it has lower case letters, digits, _ and -")
    return name


def _a_hint(text: str) -> str:
    if not text.isprintable():
        raise ValueError("must be one line of text")
    return text.strip()


def _a_key(key: str) -> str:
    if not key.isprintable() or key != key.strip():
        raise ValueError("must be the name of a key, without spaces around it")
    return key


def slack_token(kind: str, prefix: str) -> AfterValidator:
    """A validator for a whole Slack token of one kind. The text of its `ValueError` repeats no part of the token."""

    def check(value: SecretStr) -> SecretStr:
        text = value.get_secret_value()
        if not text.startswith(prefix):
            raise ValueError(f"must be the {kind} token, it begins with {prefix}")
        if len(text) < SHORTEST_TOKEN:
            raise ValueError(f"must be the whole {kind} token, it goes on after {prefix}")
        return value

    return AfterValidator(check)


Space = Annotated[str, AfterValidator(_a_space)]
Hint = Annotated[str, Field(max_length=LONGEST_HINT), AfterValidator(_a_hint)]
Url = Annotated[str, AfterValidator(http_url)]
CloudId = Annotated[str, AfterValidator(_a_cloud_id)]
ExistingFile = Annotated[Path, AfterValidator(_a_file)]
OwnerKey = Annotated[str, Field(min_length=1, max_length=LONGEST_KEY), AfterValidator(_a_key)]
Limit = Annotated[int, Field(ge=1, le=10_000)]
Days = Annotated[int, Field(ge=1, le=MOST_DAYS)]
AccessDetails = Annotated[str, Field(max_length=LONGEST_DETAILS), AfterValidator(check_details)]


@dataclass(frozen=True)
class Upkeep:
    """Rotation and cleanup for a cluster, in days; `None` when turned off."""

    credential_rotation_days: int | None = None
    user_cleanup_days: int | None = None


@dataclass(frozen=True)
class Configuration:
    """The policy, and the connection and upkeep of each integration by name."""

    policy: Policy
    connections: Mapping[str, ClusterConnection]
    upkeep: Mapping[str, Upkeep] = field(default_factory=dict)
