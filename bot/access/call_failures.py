"""Hears of every call to the outside that failed, whoever made it: for the metrics, and for nothing else."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Literal

from bot.access.errors import Outage, Refusal

Outside = Literal["cluster", "slack"]
Hearer = Callable[[Outside, type[Exception]], None]

_hearers: list[Hearer] = []


@contextmanager
def hearing(hearer: Hearer) -> Iterator[None]:
    """For the time of the block, `hearer` is told which side failed, and whether by `Outage` or `Refusal`."""
    _hearers.append(hearer)
    try:
        yield
    finally:
        _hearers.remove(hearer)


@contextmanager
def told(outside: Outside) -> Iterator[None]:
    """Around a call to the outside whose errors are the domain's already."""
    try:
        yield
    except (Outage, Refusal) as error:
        for each in _hearers:
            each(outside, Refusal if isinstance(error, Refusal) else Outage)
        raise
