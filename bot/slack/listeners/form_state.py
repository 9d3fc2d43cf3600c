"""Reads a submitted form, and tracks the newest change of each open form."""

import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from bot.access.errors import Refusal, RequestField
from bot.access.models.columns import CredentialKind
from bot.slack import ids
from bot.slack.blocks.form import CUSTOM, FormValues

HASH_CONFLICT = "hash_conflict"
"""Slack's code for an update with the hash of an older view."""

MOST_FORMS = 1000
"""Open forms that are tracked; updates of a forgotten form are still shown."""

_KINDS = {kind.value: kind for kind in CredentialKind}
"""Value of the choice → kind; with any other value the access flow decides."""


@dataclass(frozen=True)
class SentForm:
    """A form as submitted. `patterns` are the values of the chosen options; `blocks` maps fields to block ids."""

    filled: FormValues
    patterns: tuple[str, ...]
    blocks: dict[str, str]

    def block_of(self, part: RequestField | None) -> str:
        """The id of the block that shows errors about that part."""
        name = part.value if part else ids.PATTERNS
        if part is RequestField.DURATION and self.filled.duration == CUSTOM:
            name = ids.CUSTOM
        return self.blocks.get(name, ids.PATTERNS)


def read_form(view: dict[str, Any]) -> SentForm:
    """Reads a view. `filled` is returned without patterns, since their values have to be looked up."""
    entries: dict[str, dict[str, Any]] = {}
    blocks: dict[str, str] = {}
    for block_id, elements in view["state"]["values"].items():
        for action_id, entry in elements.items():
            entries[action_id], blocks[action_id] = entry, block_id

    def value(name: str) -> str:
        return str(entries.get(name, {}).get("value") or "")

    def chosen(name: str) -> str:
        return str((entries.get(name, {}).get("selected_option") or {}).get("value") or "")

    options = entries.get(ids.PATTERNS, {}).get("selected_options") or []
    filled = FormValues(
        chosen(ids.CLUSTER) or None,
        (),
        chosen(ids.PERMISSION) or "read",
        chosen(ids.DURATION),
        value(ids.CUSTOM),
        _KINDS.get(chosen(ids.PURPOSE)),
        value(ids.REASON),
        bool(entries.get(ids.EMERGENCY, {}).get("selected_options")),
    )
    return SentForm(filled, tuple(str(each["value"]) for each in options), blocks)


class FormVersions:
    """The newest change of each open form, so that the preview of the last change is shown, whichever is ready first.

    Slack sends the view's `hash` with each change and refuses an update with an old hash. Two quick changes carry the
    same hash: without this class the update of the first would make Slack refuse that of the second.
    """

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._forms: OrderedDict[str, tuple[str, str]] = OrderedDict()

    def record_change(self, view_id: str, at: str, view_hash: str) -> None:
        """Records a change. `at` is its time by Slack's clock, as text that sorts by time."""
        with self._guard:
            newest, known = self._forms.get(view_id, ("", ""))
            self._forms[view_id] = (max(newest, at), known or view_hash)
            self._forms.move_to_end(view_id)
            while len(self._forms) > MOST_FORMS:
                self._forms.popitem(last=False)

    def is_newest(self, view_id: str, at: str) -> bool:
        """Whether there is no later change."""
        with self._guard:
            return self._forms.get(view_id, (at, ""))[0] <= at

    def update_newest(self, view_id: str, at: str, view_hash: str, update: Callable[[str], str]) -> None:
        """Calls `update` with the present hash unless there is a later change. `update` returns the next hash."""
        with self._guard:
            newest, known = self._forms.get(view_id, (at, view_hash))
        if newest > at:
            return
        try:
            shown = update(known or view_hash)
        except Refusal as error:
            # The change was made on a view whose update is known to Slack, and not yet here.
            if error.code != HASH_CONFLICT or known in {"", view_hash}:
                raise
            shown = update(view_hash)
        with self._guard:
            self._forms[view_id] = (max(self._forms.get(view_id, (at, ""))[0], at), shown)
