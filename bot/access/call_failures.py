"""Reports each failed call to a cluster or to Slack, for the metrics."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Literal

from bot.access.errors import Outage, Refusal

Service = Literal["cluster", "slack"]
OnFailure = Callable[[Service, type[Exception]], None]
"""Is called with the service that failed, and `Outage` or `Refusal`."""


def ignore_failure(_service: Service, _kind: type[Exception]) -> None:
    """The `OnFailure` of a client whose failures nobody counts."""


@contextmanager
def reported(service: Service, on_failure: OnFailure) -> Iterator[None]:
    """Wraps a call whose errors are already `Outage` or `Refusal`: calls `on_failure` for each, and re-raises it."""
    try:
        yield
    except (Outage, Refusal) as error:
        on_failure(service, Refusal if isinstance(error, Refusal) else Outage)
        raise
