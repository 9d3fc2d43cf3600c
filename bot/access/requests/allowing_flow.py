"""The access flow of a request, or the refusal that says why none allows it."""

from datetime import timedelta
from typing import NoReturn

from bot.access.errors import Incomplete, InvalidRequest, NotAllowed
from bot.access.policy.access_flow import AccessFlow
from bot.access.policy.decision import FIELD_OF_VERDICT, Decision, Verdict
from bot.access.requests.drafts import ParsedRequest

_PROVISIONAL_DURATION = timedelta(hours=1)
"""Shown while the requester has not yet chosen a duration."""

_CORRECTABLE = frozenset({
    Verdict.NO_DURATION, Verdict.TOO_LONG, Verdict.NO_REASON, Verdict.REASON_OF_WRONG_SHAPE,
})  # fmt: skip
"""Verdicts with a known flow that would allow another duration or reason."""

_WITH_EXAMPLE = _CORRECTABLE | {Verdict.CREDENTIAL_NOT_OFFERED}
"""Verdicts that an example can show how to avoid."""


def flow_and_duration(decision: Decision, parsed: ParsedRequest, *, unfinished: bool) -> tuple[AccessFlow, timedelta]:
    """The flow that allows the request, and the duration of the access. Raises `AccessError` if none allows it."""
    flow = decision.flow
    if unfinished and decision.verdict in _CORRECTABLE and flow is not None:
        return flow, min(parsed.duration or flow.default_duration or _PROVISIONAL_DURATION, flow.max_duration)
    if decision.verdict is not Verdict.ALLOWED or flow is None:
        raise_refusal(decision, parsed)
    duration = parsed.duration or flow.default_duration
    if duration is None:
        raise AssertionError("a flow without a default duration allowed a request without one")
    return flow, duration


def raise_refusal(decision: Decision, parsed: ParsedRequest) -> NoReturn:
    """Raises the `AccessError` of a refusal, with an example that avoids it where there is one."""
    field = FIELD_OF_VERDICT.get(decision.verdict)
    if decision.verdict in _WITH_EXAMPLE and decision.flow is not None:
        kind = Incomplete if decision.verdict in {Verdict.NO_DURATION, Verdict.NO_REASON} else InvalidRequest
        # An extension is typed in another way, with an id that is not known here.
        raise kind(decision.why, None if parsed.extension else parsed.example_under(decision.flow), field)
    raise NotAllowed(decision.why, "/es-access resources", field)
