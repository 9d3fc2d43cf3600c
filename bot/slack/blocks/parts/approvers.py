"""Who approves a planned request."""

from bot.access.requests.routing import Plan
from bot.access.wording import counted
from bot.slack.blocks.phrases import people, without_asking
from bot.slack.blocks.rich_text import Line

MOST_GROUPS = 15
"""Owner groups named in one answer."""


def approvers_of(plan: Plan) -> list[Line]:
    """Who would approve it."""
    if plan.flow.break_glass:
        return [without_asking(plan)]
    return [("It approves by itself.",)] if plan.by_rule else asked_owners(plan, "Would ask")


def asked_owners(plan: Plan, verb: str) -> list[Line]:
    """The people who are asked, and of which groups how many have to approve."""
    lines: list[Line] = [(f"{verb} {counted(len(plan.asked), 'owner')}: ", *people(plan.asked), ".")]
    if len(plan.groups) > 1:
        several = len({pattern for group in plan.groups for pattern in group.patterns}) > 1
        one = f"One of these groups has to approve{' for each pattern' if several else ''}: "
        every = one if plan.any_group else "Each of these has to approve: "
        labels = ", ".join(group.label[:80] for group in plan.groups[:MOST_GROUPS])
        rest = len(plan.groups) - MOST_GROUPS
        lines.append((every, labels, f" and {rest} more." if rest > 0 else "."))
    needed = max((group.approvals for group in plan.groups), default=1)
    return [*lines, (f"It takes {needed} approvals of each.",)] if needed > 1 else lines
