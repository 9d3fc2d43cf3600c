"""What Slack was told was taken: each payload is once in the inbox, and is done or answered."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Engine, text

from bot.sandbox.workspace import Workspace
from bot.slack.intake.payloads import entry_id

Payload = dict[str, Any]


@dataclass(frozen=True)
class TakenReport:
    """A sentence for each payload that was acknowledged and is lost, whose person was told nothing, or done twice."""

    lost: Sequence[str]
    untold: Sequence[str]
    twice: Sequence[str]


class Taken:
    """The payloads that were acknowledged. Commands that file a request have a reason of their own."""

    def __init__(self) -> None:
        self._payloads: dict[str, Payload] = {}
        self._acknowledged: Counter[str] = Counter()

    def __len__(self) -> int:
        return len(self._payloads)

    @property
    def copies(self) -> int:
        """How many payloads were acknowledged once more."""
        return self._acknowledged.total() - len(self._payloads)

    def add(self, payload: Payload) -> None:
        """Notes an acknowledgement."""
        name = entry_id(payload)
        self._payloads[name] = payload
        self._acknowledged[name] += 1

    def report(self, engine: Engine, workspace: Workspace) -> TakenReport:
        """Compares them with the database and with what people were told."""
        with engine.connect() as connection:
            rows = connection.execute(text("SELECT id, done_at, applied_at FROM inbox")).fetchall()
            notices = connection.execute(
                text("SELECT recipient FROM message WHERE kind = 'notice' AND about IS NULL")
            ).fetchall()
            # An extension has the reason of what it extends.
            filed = connection.execute(text("SELECT reason FROM access_request WHERE extends IS NULL")).fetchall()
        entries = {name: (done, applied) for name, done, applied in rows}
        told = Counter(recipient for (recipient,) in notices)
        lost, untold = [], []
        for name, payload in self._payloads.items():
            done, applied = entries.get(name, (None, None))
            who = payload.get("user_id") or payload["user"]["id"]
            what = payload.get("text") or payload.get("actions")
            sentence = f"{who}: “{what}” was acknowledged {self._acknowledged[name]} times"
            if name not in entries:
                lost.append(f"{sentence} and is not in the inbox")
            elif done is None:
                lost.append(f"{sentence} and not done")
            elif applied is None and not _answered(workspace, payload):
                told[who] -= 1
                if told[who] < 0:
                    untold.append(f"{sentence}, and neither done nor answered")
        times = Counter(reason for (reason,) in filed if reason)
        twice = [f"“{reason}” was filed {count} times" for reason, count in times.items() if count > 1]
        return TakenReport(lost, untold, twice)


def _answered(workspace: Workspace, payload: Payload) -> bool:
    """Whether an answer was posted to the address of the payload."""
    key = str(payload["response_url"]).rpartition("/actions/")[2]
    return workspace._state.response_urls[key].uses > 0
