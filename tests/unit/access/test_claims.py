"""Every claim outlasts the calls that it covers, so that no two processes work on the same thing."""

from datetime import timedelta

import pytest

import bot.cluster.client
import bot.secret_stores.store
import bot.slack.app
from bot.access import claims

CLUSTER_CALL = timedelta(seconds=bot.cluster.client.TIMEOUT_SECONDS)
SLACK_CALL = timedelta(seconds=bot.slack.app.TIMEOUT_SECONDS)
STORE_CALL = timedelta(seconds=bot.secret_stores.store.TIMEOUT_SECONDS)

COVERED = {
    # A worker renews its claim: two renewals in a row may fail.
    "WORKER_CLAIM": max(CLUSTER_CALL, SLACK_CALL, 2 * claims.RENEW_EVERY),
    # The steps of a removal: end the keys, delete the users, delete the roles, read them back.
    "COMMAND_CLAIM": 4 * CLUSTER_CALL,
    "MISSING_GRANT_CLAIM": CLUSTER_CALL,
    # Look up the user, set its password, and look whether another process took over.
    "REVEAL_CLAIM": 3 * CLUSTER_CALL,
    # Look up the user, and write its role.
    "NARROW_CLAIM": 2 * CLUSTER_CALL,
    # Read the roles, change them, end their keys, and read both back, with two seconds for each call of an end.
    "OWN_ACCOUNT_CLAIM": 4 * CLUSTER_CALL,
    "LONGEST_ROW_CLAIM": timedelta(0),
    # Read the aliases, and narrow a role. Two processes that look at one page of grants do nothing twice.
    "ALIASES_CLAIM": 3 * CLUSTER_CALL,
    "HOME_TABS_CLAIM": SLACK_CALL,
    "AUTOMATIC_GRANTS_CLAIM": SLACK_CALL,
    "CLOCK_NOTICE_CLAIM": SLACK_CALL,
    "OWNER_CHANGES_CLAIM": SLACK_CALL,
    # Read the state and the sizes.
    "OWNER_WATCH_CLAIM": 2 * CLUSTER_CALL,
    "RECONCILIATION_CLAIM": claims.MISSING_GRANT_CLAIM + CLUSTER_CALL,
    # Sign in, write the store, change, try, and restore, each with one retry in the secret store.
    "ROTATION_CLAIM": 8 * CLUSTER_CALL + 8 * STORE_CALL,
    "SHIPPING_CLAIM": CLUSTER_CALL,
    "UNFINISHED_TASKS_CLAIM": CLUSTER_CALL,
}
"""The longest time that the calls under each claim take, if they time out."""

ON_ROWS = ("WORKER_CLAIM", "COMMAND_CLAIM", "MISSING_GRANT_CLAIM", "REVEAL_CLAIM", "NARROW_CLAIM", "OWN_ACCOUNT_CLAIM")


def length(name: str) -> timedelta:
    value = getattr(claims, name)
    assert isinstance(value, timedelta)
    return value


def test_every_claim_is_in_the_table() -> None:
    assert {name for name in vars(claims) if name.endswith("_CLAIM")} == set(COVERED)


@pytest.mark.parametrize("name", COVERED)
def test_a_claim_is_longer_than_the_calls_that_it_covers(name: str) -> None:
    assert length(name) > COVERED[name]


@pytest.mark.parametrize("name", ON_ROWS)
def test_no_claim_on_a_row_is_longer_than_the_longest(name: str) -> None:
    assert length(name) <= claims.LONGEST_ROW_CLAIM
