"""What can go wrong, by who can mend it.

`AccessError` and its kinds are caused by people and carry a sentence for them. `Outage` and `Refusal` are caused
by the cluster or by Slack, and are handled by the workers. Anything else that is raised is a bug.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum


class RequestField(StrEnum):
    """What a request consists of: what an error may be about."""

    CLUSTER = "cluster"
    PATTERNS = "patterns"
    PERMISSION = "permission"
    DURATION = "duration"
    PURPOSE = "purpose"
    REASON = "reason"


class AccessError(Exception):
    """A person asked for something that cannot be done; `message` tells that person why, in plain words.

    `example` is one right example, shown below the message where one helps. `about` is the part of a request that it
    is about, where it is about one: in a form the message stands there.
    """

    def __init__(self, message: str, example: str | None = None, about: RequestField | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.example = example
        self.about = about


class InvalidRequest(AccessError):
    """What was typed is not a request: nothing is filed."""


class Incomplete(InvalidRequest):
    """Nothing that was typed is wrong, and something is missing: a form can ask for it."""


class NotFound(AccessError):
    """No such id, or not one that this person may see: the answer is the same for both."""

    def __init__(self, request_id: str) -> None:
        super().__init__(
            f"I know no request {request_id} of yours.",
            example="/es-access list shows your requests and their ids.",
        )


class NotAllowed(AccessError):
    """The person may see it and may not do this to it."""


class Conflict(AccessError):
    """Somebody or something was first; the message says who, and what came of it."""


@contextmanager
def about(part: RequestField) -> Iterator[None]:
    """Says of what goes wrong within that it is about that part, unless it says so itself."""
    try:
        yield
    except AccessError as error:
        error.about = error.about or part
        raise


class LostRace(Exception):
    """A conditional transition found the row in another state than it was read in."""


class DatabaseAway(Exception):
    """The database does not answer, or its disk is full. Nothing can be remembered, so nothing more is begun."""


class Outage(Exception):
    """The other side did not answer, or asked to be left alone: the same step is worth trying again.

    `retry_after` is in seconds, where the other side named it. The text carries no secret.
    """

    def __init__(self, text: str, retry_after: float | None = None) -> None:
        super().__init__(text)
        self.retry_after = retry_after


class Refusal(Exception):
    """The other side understood and said no: trying the same again is of no use. The text carries no secret."""


class Gone(Refusal):
    """What was to be changed is not there any more: somebody else removed it."""
