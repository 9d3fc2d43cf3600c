"""What a form says below its patterns: what they match, who would approve, which access flow and limit."""

from bot.access.errors import AccessError, Outage, Refusal
from bot.access.policy.model import AccessFlow
from bot.access.requests.drafts import ParsedRequest
from bot.access.requests.routing import Plan
from bot.access.requests.service import Requests
from bot.slack.blocks.answers import decides
from bot.slack.blocks.form import FormValues
from bot.slack.blocks.phrases import AS, chosen, covered, dangers
from bot.slack.blocks.rich_text import Line, sentence


def looked(requests: Requests, person: str, filled: FormValues) -> tuple[AccessFlow | None, list[Line]]:
    """The access flow that the form falls under as it stands, if one does, and what there is to say."""
    if not filled.patterns:
        return None, []
    try:
        parsed, plan = requests.explain(person, filled.draft, unfinished=True)
    except AccessError as error:
        return None, [sentence(error.message)]
    except (Outage, Refusal) as error:
        return None, [(f"{error}, so what it matches is not known now. You can ask all the same.",)]
    return plan.flow, preview(parsed, plan)


def preview(parsed: ParsedRequest, plan: Plan) -> list[Line]:
    """What would become of it."""
    by_rule = plan.by_rule and not plan.flow.break_glass
    lines: list[Line] = [
        *dangers(parsed.permission.stored()),
        *covered(plan.preview),
        chosen(plan.flow.name, plan.flow.max_duration),
        *([("It approves by itself, ", AS[plan.kind], ".")] if by_rule else decides(plan)),
    ]
    if plan.flow.needs_reason:
        lines.append(("It needs a reason.",))
    return lines
