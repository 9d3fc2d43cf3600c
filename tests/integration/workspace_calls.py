"""Calls of the local workspace that are refused, and a clock for it."""

from collections.abc import Callable
from typing import Any

import pytest
from slack_sdk.errors import SlackApiError


class Clock:
    """Stands still until a test sets `now`, in Unix seconds."""

    def __init__(self) -> None:
        self.now = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now


def refusal(call: Callable[[], object]) -> Any:
    """The JSON of the refusal; the call must be refused."""
    with pytest.raises(SlackApiError) as caught:
        call()
    return caught.value.response.data


def code(call: Callable[[], object]) -> str:
    """The error code of the refusal."""
    return str(refusal(call)["error"])
