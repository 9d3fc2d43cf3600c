"""Checks that a cluster can limit what access shows, where permissions have limits of fields or documents."""

from elasticsearch import Elasticsearch

from bot.access.errors import Outage, Refusal, Unusable
from bot.access.policy.model import Integration, Permission, Policy
from bot.access.ports import Clock
from bot.checks.kibana import is_offered
from bot.checks.report import Report, listed
from bot.cluster.limits import read_licence
from bot.cluster.trial import try_limits

_TO_DO = (
    "It takes Platinum, Enterprise or a trial: POST /_license/start_trial?acknowledge=true starts one.",
    "Otherwise take fields and query out of them. Until then, requests for them are refused.",
)

_AGAIN = "Run `bot check` again when the cluster is well."


def check_limits(report: Report, client: Elasticsearch, policy: Policy, integration: Integration, clock: Clock) -> None:
    """Reports on the permissions with limits that are offered in this cluster. Nothing without any."""
    limited = [each for each in policy.permissions if each.limits and is_offered(policy, integration, each)]
    names = listed([each.name for each in limited])
    if not limited:
        return
    try:
        licence = read_licence(client)
    except Outage as error:
        report.fail(f"limits: {error}", _AGAIN)
        return
    if licence is not None and not licence.has_limits:
        said = f"{licence.type}, {licence.status}"
        report.fail(f"limits: the licence ({said}) has no field and document level security: {names}", *_TO_DO)
    elif sum(_keeps(report, client, each, clock) for each in limited) == len(limited):
        by = f"the licence ({licence.type}) has" if licence else "the cluster does not tell its licence, and keeps"
        report.ok(f"limits: {by} field and document level security: {names}")


def _keeps(report: Report, client: Elasticsearch, permission: Permission, clock: Clock) -> bool:
    """Whether a role can have the limits of the permission. Reports why not."""
    try:
        try_limits(client, permission.limits, clock.now())
    except Unusable as error:
        report.fail(f"limits: {permission.name}: {error}", *_TO_DO)
    except Refusal as error:
        report.fail(f"limits: no role can have those of {permission.name}: {error}", "Correct its fields and query.")
    except Outage as error:
        report.fail(f"limits: {error}", _AGAIN)
    else:
        return True
    return False
