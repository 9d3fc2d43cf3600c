"""Commands as parsed."""

from dataclasses import dataclass
from enum import StrEnum

from bot.access.requests.drafts import Draft


class Verb(StrEnum):
    """The commands."""

    FORM = "form"
    HELP = "help"
    LIST = "list"
    STATUS = "status"
    CANCEL = "cancel"
    REVOKE = "revoke"
    EXTEND = "extend"
    RESET = "reset"
    REQUEST = "request"
    EXPLAIN = "explain"
    RESOURCES = "resources"


VERBS = {verb.value: verb for verb in Verb if verb not in {Verb.FORM, Verb.REQUEST}}
"""The commands that begin with a word of their own."""


@dataclass(frozen=True)
class Command:
    """One command. `draft` is set for a request, even an incomplete one, and for `explain`.

    `id` is set for commands about one request, `duration` for `extend`. `text` is the text to search for, the reason of
    an extension, or a sentence about the missing part of an incomplete request. `note` is a sentence for the answer.
    """

    verb: Verb
    id: str = ""
    duration: str = ""
    text: str = ""
    draft: Draft | None = None
    note: str = ""
