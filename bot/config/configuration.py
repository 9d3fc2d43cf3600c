"""What the application works with, wherever it was written: in variables or in `access.yaml`."""

import base64
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, Field, ValidationInfo

from bot.access.policy.access_details import check_details
from bot.access.policy.model import LONGEST_DETAILS, Policy
from bot.cluster.client import ClusterConnection, node_at

MOST_DAYS = 3650
"""Of rotation and cleanup: ten years, as for a duration. More is a slip of the key."""

LONGEST_KEY = 100
"""Characters of the key that owners stand under in a `_meta`."""


def http_url(url: str) -> str:
    """The URL without a slash at its end. Raises `ValueError`."""
    if not re.fullmatch(r"https?://[^\s/@]+(/\S*)?", url) or not url.isprintable():
        raise ValueError("must be like https://host:9200, without a user or password in it")
    try:
        node_at(url)
    except ValueError:
        raise ValueError("is no address: host or port cannot be right") from None
    return url.rstrip("/")


def _hosts(cloud_id: str) -> list[str]:
    # A Cloud ID is "name:base64(host$elasticsearch$kibana)" (Elastic, "Find your Cloud ID").
    return base64.b64decode(cloud_id.rpartition(":")[2], validate=True).decode().split("$")


def cloud_url(cloud_id: str) -> str:
    """Where the Elasticsearch of a deployment is."""
    host, cluster = _hosts(cloud_id)[:2]
    return f"https://{cluster}.{host}"


def _a_cloud_id(cloud_id: str) -> str:
    try:
        http_url(cloud_url(cloud_id))
    except ValueError:
        raise ValueError("is no Cloud ID: copy it from the deployment's page in Elastic Cloud") from None
    return cloud_id


def is_file(path: Path) -> bool:
    """Whether there is such a file that this user can see."""
    try:
        return path.is_file()
    except (OSError, ValueError):  # a name that is too long or holds a null, a folder that may not be entered
        return False


def _a_file(path: Path, info: ValidationInfo) -> Path:
    if not is_file(path):
        raise ValueError("names no file")
    # Of all files these alone come after an address, which is then known here.
    address = info.data.get("url") or info.data.get("elasticsearch_url") or ""
    if address.startswith("http://"):
        raise ValueError("is of no use with http://: begin the address with https://, or leave this out")
    return path


def _a_key(key: str) -> str:
    if not key.isprintable() or key != key.strip():
        raise ValueError("must be the name of a key, without spaces around it")
    return key


Url = Annotated[str, AfterValidator(http_url)]
CloudId = Annotated[str, AfterValidator(_a_cloud_id)]
ExistingFile = Annotated[Path, AfterValidator(_a_file)]
OwnerKey = Annotated[str, Field(min_length=1, max_length=LONGEST_KEY), AfterValidator(_a_key)]
Limit = Annotated[int, Field(ge=1, le=10_000)]
Days = Annotated[int, Field(ge=1, le=MOST_DAYS)]
AccessDetails = Annotated[str, Field(max_length=LONGEST_DETAILS), AfterValidator(check_details)]


@dataclass(frozen=True)
class Upkeep:
    """What is done for a cluster besides access, in days. `None`: not done."""

    credential_rotation_days: int | None = None
    user_cleanup_days: int | None = None


@dataclass(frozen=True)
class Configuration:
    """The policy, and for the name of each integration how it is reached and kept."""

    policy: Policy
    connections: Mapping[str, ClusterConnection]
    upkeep: Mapping[str, Upkeep] = field(default_factory=dict)
