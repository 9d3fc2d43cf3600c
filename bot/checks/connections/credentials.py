"""Checks that a cluster accepts the users that are made in it: with one of its own, which is deleted again."""

from elasticsearch import Elasticsearch

from bot.access.errors import Fault, Outage, Refusal, Unusable
from bot.access.ports import Clock
from bot.checks.report import Report
from bot.cluster.trial import try_own_user

_TO_DO = {
    Fault.NOT_ACCEPTED: (
        "Take xpack.security.authc.realms.native.NAME.enabled: false out of elasticsearch.yml of each node.",
        "If it is not there, see whether a proxy removes or changes the Authorization header.",
    ),
    Fault.NOT_EVALUATED: ("See the log of Elasticsearch.",),
    Fault.NOT_LIMITED: ("See whether the cluster's licence is valid: GET _license",),
    Fault.GIVES_LESS: ("See whether the cluster's licence is valid: GET _license",),
}


def check_credentials(report: Report, client: Elasticsearch, clock: Clock) -> None:
    """Makes a user, signs in as it, and deletes it."""
    try:
        try_own_user(client, clock.now())
    except Unusable as error:
        report.fail(f"credentials: a new user does not work here: {error}", *_TO_DO[error.fault])
    except (Outage, Refusal) as error:
        report.fail(f"credentials: no user could be made and tried: {error}", "Run `bot check` again.")
    else:
        report.ok("credentials: a new user signs in and has what it was given; it was deleted again")
