"""Tasks that run in a cluster. They are read from it, and are no table."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class RunningTask:
    """One task on data. Elasticsearch does not tell who began it.

    `names` are the indices that it says it works on, and empty if it says none; `client` is what its client calls
    itself (`X-Opaque-Id`).
    """

    id: str
    action: str
    names: tuple[str, ...]
    since: datetime
    cancellable: bool
    client: str = ""
