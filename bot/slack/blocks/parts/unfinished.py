"""Tasks that went on in the cluster after access had ended."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from bot.access.models.grants import Grant
from bot.access.models.request_details import RequestDetails
from bot.access.wording import counted
from bot.slack.blocks.content import MessageContent, content
from bot.slack.blocks.rich_text import Code, Line, LocalTime, Person, Pre, TextPart, codes


def unfinished_tasks(details: RequestDetails, terms: Line) -> MessageContent:
    """To the owners: the tasks that may be of the access, and the calls that cancel them."""
    request, grant = details.request, details.grant
    found = (grant.unfinished if grant else None) or {"count": 0, "tasks": []}
    tasks = found["tasks"]
    rest = found["count"] - len(tasks)
    lines: list[Line] = [
        ("Access of ", Person(request.requester), "."),
        terms,
        ("These tasks began during it, and still ran after its end. Elasticsearch does not say who began a task: they "
         "may be of somebody else.",),
        *map(_task, tasks),
        *([(f"And {counted(rest, 'more task')}.",)] if rest > 0 else []),
    ]  # fmt: skip
    calls = [f"POST /_tasks/{each['id']}/_cancel" for each in tasks if each["cancellable"]]
    if calls:
        lines += [("To cancel them, with the cluster privilege ", Code("cancel_task"), ":"), Pre("\n".join(calls))]
    return content(f"Access {request.id} has ended: {counted(found['count'], 'task')} went on", lines)


def _task(task: Mapping[str, Any]) -> Line:
    names: tuple[TextPart, ...] = (" on ", *codes(task["names"])) if task["names"] else ()
    client: tuple[TextPart, ...] = (", client ", Code(task["client"])) if task["client"] else ()
    stays = "" if task["cancellable"] else ", cannot be cancelled"
    return (Code(task["action"]), *names, ", since ", LocalTime(datetime.fromisoformat(task["since"])), *client, stays)


def went_on(grant: Grant) -> tuple[TextPart, ...]:
    """The end of a receipt, if tasks were found."""
    if not grant.unfinished:
        return ()
    return (f" {counted(grant.unfinished['count'], 'task')} that may be of it went on; the owners know how to cancel.",)
