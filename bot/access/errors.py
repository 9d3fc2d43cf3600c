"""The errors, by who can fix them.

People cause `AccessError` and its subclasses, which carry a sentence for them. The cluster or Slack causes `Outage` and
`Refusal`, which the workers handle. Any other exception is a bug.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from typing import ClassVar


class RequestField(StrEnum):
    """A part of a request that an error can be about."""

    CLUSTER = "cluster"
    PATTERNS = "patterns"
    PERMISSION = "permission"
    DURATION = "duration"
    PURPOSE = "purpose"
    REASON = "reason"
    FIELDS = "fields"


class AccessError(Exception):
    """A person asked for something that cannot be done; `message` tells them why in plain words.

    `code` names the kind of error and stays the same when the message is reworded. `example` is a correct command to
    show below the message, where one helps. `about` is the part of the request that is wrong: a form shows the message
    at that field.
    """

    code: ClassVar[str] = "impossible"

    def __init__(self, message: str, example: str | None = None, about: RequestField | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.example = example
        self.about = about


class InvalidRequest(AccessError):
    """The input is not a valid request; nothing is filed."""

    code = "invalid_request"


class Incomplete(InvalidRequest):
    """The input is valid but incomplete: a form can ask for the rest."""

    code = "incomplete"


class NotFound(AccessError):
    """There is no such id, or this person may not see it: the answer is the same for both."""

    code = "not_found"

    def __init__(self, request_id: str) -> None:
        super().__init__(f"I know no request {request_id} of yours. /es-access list shows your requests and their ids.")


class NotAllowed(AccessError):
    """The person may see it but may not do this."""

    code = "not_allowed"


class Conflict(AccessError):
    """Someone or something else was first; the message says who, and the result."""

    code = "conflict"


@contextmanager
def about(part: RequestField) -> Iterator[None]:
    """Sets `about` on errors raised within the block that do not have it yet."""
    try:
        yield
    except AccessError as error:
        error.about = error.about or part
        raise


class LostRace(Exception):
    """A conditional transition found the row in another state than the one that was read."""


class DatabaseAway(Exception):
    """The database does not answer or its disk is full. Nothing can be stored, so no new work starts."""


class Outage(Exception):
    """The other side did not answer, or asked for a pause: the same step can be retried.

    `retry_after` is in seconds and `code` is the other side's name for the error, if it gave them. The text carries no
    secret.
    """

    def __init__(self, text: str, retry_after: float | None = None, code: str | None = None) -> None:
        super().__init__(text)
        self.retry_after = retry_after
        self.code = code


class Unanswered(Outage):
    """Nobody said what became of a call that sets a secret: it may still take effect, however late."""


class Refusal(Exception):
    """The other side understood and refused: a retry will not help. The text carries no secret.

    `code` is the other side's name for the error, if it gave one.
    """

    def __init__(self, text: str, code: str | None = None) -> None:
        super().__init__(text)
        self.code = code


class MessagesOff(Refusal):
    """Slack takes no direct message from the application to anybody: its Messages tab is off."""


class Gone(Refusal):
    """The object to change no longer exists: someone else removed it."""


class Fault(StrEnum):
    """The fault of a new credential."""

    NOT_ACCEPTED = "not accepted"  # the cluster does not take it, or takes it for that of another account
    NOT_EVALUATED = "not evaluated"  # the cluster cannot evaluate its role, so that every call is an error
    GIVES_LESS = "gives less"  # it may do less than it was made for
    NOT_LIMITED = "not limited"  # it would show more fields or documents than it was made for


class Unusable(Refusal):
    """A new credential was tried before anybody saw it, and does not work."""

    def __init__(self, text: str, fault: Fault) -> None:
        super().__init__(text)
        self.fault = fault
