"""The preview below the patterns of a form: their matches, the approvers, the access flow and its limit."""

from bot.access.errors import AccessError, Outage, Refusal
from bot.access.policy.access_flow import AccessFlow
from bot.access.requests.drafts import ParsedRequest
from bot.access.requests.routing import Plan
from bot.access.requests.service import Requests
from bot.slack.blocks.form import FormValues
from bot.slack.blocks.parts.approvers import approvers_of
from bot.slack.blocks.parts.risks import risks
from bot.slack.blocks.phrases import AS_CREDENTIAL, flow_line, from_memory, planned_coverage
from bot.slack.blocks.rich_text import Line, sentence


def preview_form(requests: Requests, person: str, filled: FormValues) -> tuple[AccessFlow | None, list[Line]]:
    """The access flow of the form as filled in, if one applies, and the lines of the preview."""
    if not filled.patterns:
        return None, []
    try:
        parsed, plan = requests.explain(person, filled.draft, unfinished=True)
    except AccessError as error:
        return None, [sentence(error.message)]
    except (Outage, Refusal) as error:
        return None, [(f"{error}, so what it matches is not known now. You can ask all the same.",)]
    name = parsed.integration.name
    return plan.flow, [*preview(parsed, plan), *from_memory(name, requests.remembered_since(name))]


def preview(parsed: ParsedRequest, plan: Plan) -> list[Line]:
    """The result that filing the request would have."""
    by_rule = plan.by_rule and not plan.flow.break_glass
    lines: list[Line] = [
        *risks(parsed.permission.stored(), plan.kind),
        *planned_coverage(plan),
        flow_line(plan.flow.name, plan.flow.max_duration),
        *([("It approves by itself, ", AS_CREDENTIAL[plan.kind], ".")] if by_rule else approvers_of(plan)),
    ]
    if plan.flow.needs_reason:
        hint = plan.flow.reason_hint
        lines.append((f"It needs a reason: {hint}" if hint else "It needs a reason.",))
    return lines
