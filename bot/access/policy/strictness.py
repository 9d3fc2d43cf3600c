"""Compares how strict two access flows are. The order is partial: of two flows, neither may be the stricter one."""

from bot.access.durations import format_duration
from bot.access.models.columns import Delivery
from bot.access.policy.access_flow import AccessFlow


def concessions(weaker: AccessFlow, stricter: AccessFlow, *, by_resource: bool) -> tuple[str, ...]:
    """The demands of the other flow that the first one drops, as short phrases. Empty if it is not the weaker one.

    Who approves counts for more than all else. With the same approval, a flow is weaker if it concedes something and
    demands nothing more. A limit is no demand on the requests within it. `by_resource`: the cluster says who owns its
    data.
    """
    approval = _approval(weaker, stricter, by_resource=by_resource)
    if not approval and _approval(stricter, weaker, by_resource=by_resource):
        return ()
    if not approval and _circumstances(stricter, weaker):
        return ()
    return (*approval, *_circumstances(weaker, stricter), *_limits(weaker, stricter))


def _approval(weaker: AccessFlow, stricter: AccessFlow, *, by_resource: bool) -> tuple[str, ...]:
    if stricter.approve == "rule":
        return ()
    if weaker.approve == "rule":
        return ("nobody is asked",)
    asked, wanted = (_asked(flow, by_resource=by_resource) for flow in (weaker, stricter))
    phrases = {
        _not_asked(asked, wanted): not _asks_all(asked, wanted),
        f"{_counted(weaker.approvals)} instead of {stricter.approvals}": weaker.approvals < stricter.approvals,
        "any one owner instead of each": (
            asked == wanted == "resource" and (weaker.groups, stricter.groups) == ("any", "all")
        ),
        "owners may approve their own requests": weaker.self_approval and not stricter.self_approval,
        "nobody is asked for an extension": weaker.extend == "rule" and stricter.extend != "rule",
    }
    return tuple(phrase for phrase, applies in phrases.items() if applies)


def _counted(approvals: int) -> str:
    return "1 approval" if approvals == 1 else f"{approvals} approvals"


def _asked(flow: AccessFlow, *, by_resource: bool) -> str | frozenset[str]:
    if not isinstance(flow.owners, str):
        return frozenset(flow.owners)
    return "resource" if flow.owners == "resource" and by_resource else "integration"


def _asks_all(asked: str | frozenset[str], wanted: str | frozenset[str]) -> bool:
    """Whether those who are asked are among those who are wanted. The owners of the data stand for everybody else."""
    if isinstance(asked, frozenset) and isinstance(wanted, frozenset):
        return asked <= wanted
    return asked == wanted or (asked == "resource" and wanted == "integration")


def _not_asked(asked: str | frozenset[str], wanted: str | frozenset[str]) -> str:
    if isinstance(wanted, frozenset):
        others = sorted(wanted) if isinstance(asked, str) else sorted(wanted - asked) or sorted(wanted)
        return f"others than {', '.join(others)} are asked"
    return "the owners of the data are not asked" if wanted == "resource" else "the integration owner is not asked"


def _circumstances(weaker: AccessFlow, stricter: AccessFlow) -> tuple[str, ...]:
    pattern = stricter.reason_pattern
    phrases = {
        "no reason": stricter.needs_reason and not weaker.needs_reason,
        "a reason of any form": pattern is not None and weaker.reason_pattern != pattern,
        "the secret stays in a message": (weaker.delivery, stricter.delivery) == (Delivery.MESSAGE, Delivery.REVEAL),
    }
    return tuple(phrase for phrase, applies in phrases.items() if applies)


def _limits(weaker: AccessFlow, stricter: AccessFlow) -> tuple[str, ...]:
    longer = f"up to {format_duration(weaker.max_duration)} instead of {format_duration(stricter.max_duration)}"
    total = stricter.max_total is not None and (weaker.max_total is None or weaker.max_total > stricter.max_total)
    phrases = {
        longer: weaker.max_duration > stricter.max_duration,
        "longer with extensions": total,
        "what is created later is covered": (weaker.scope, stricter.scope) == ("pattern", "resolved"),
        "others are asked if nobody decides": _escalates_to_others(weaker, stricter),
    }
    return tuple(phrase for phrase, applies in phrases.items() if applies)


def _escalates_to_others(weaker: AccessFlow, stricter: AccessFlow) -> bool:
    """Whether people approve after a while whom the stricter flow does not ask at all."""
    if weaker.escalation is None:
        return False
    known = stricter.escalation.to if stricter.escalation else ()
    return not {*weaker.escalation.to} <= {*known, *(() if isinstance(stricter.owners, str) else stricter.owners)}
