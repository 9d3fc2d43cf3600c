"""How often each job of the application runs, and how often people are reminded."""

from datetime import timedelta

# --- jobs of the scheduler ----------------------------------------------------------------------------------------

LOOK_AT_REQUESTS_EVERY = timedelta(seconds=5)
"""Expiry, routing and escalation of requests and reminders of reviews are late by up to this."""

LOOK_AT_MEMBERS_EVERY = timedelta(seconds=5)
"""Automatic grants follow their group late by up to this, if Slack does not report the change by itself."""

LOOK_AT_CLUSTERS_EVERY = timedelta(seconds=5)
"""A failed reconciliation is retried, and a grant ends by a cluster's clock ahead of ours, late by up to this."""

LOOK_AT_CLOCK_EVERY = timedelta(seconds=5)
"""After our clock was set back, retries are late by up to this."""

LOOK_AT_ENDS_EVERY = timedelta(seconds=5)
"""Warnings of an expiry, and the look for tasks after an end, are late by up to this."""

LOOK_AT_OWNERS_EVERY = timedelta(minutes=1)
"""Owners who left are replaced late by up to this. More often is not worth the calls to Slack."""

LOOK_AT_RESOURCE_OWNERS_EVERY = timedelta(minutes=1)
"""A change of the owners in a cluster is noticed late by up to this, unless a request touches the resource sooner."""

LOOK_AT_ALIASES_EVERY = timedelta(minutes=1)
"""An alias that moves under live access is noticed late by up to this. A look reads every alias of each cluster."""

FORGET_PAYLOADS_EVERY = timedelta(hours=1)
"""A payload is deleted from the inbox a day after it was done, and late by up to this."""

LEARN_INSTALLATION_EVERY = timedelta(seconds=5)
"""How often to ask Slack for the installation's id after a first start without Slack. Provisioning waits for the id."""

SHIP_EVERY = timedelta(seconds=2)
"""The longest delay of the audit index behind the audit trail."""

LOOK_AT_ROTATION_EVERY = timedelta(seconds=30)
"""The longest delay of a rotation, whose period is counted in days."""

LOOKS_AT_OWN_ACCOUNTS = (
    timedelta(seconds=5), timedelta(seconds=15), timedelta(minutes=1), timedelta(minutes=4), timedelta(minutes=20),
)  # fmt: skip
"""Before each time that a personal role is written again after a call of unknown outcome: a call may be held up for
that long on its way, in a proxy or a queue, and take effect after the answer to a later one."""

CLEAR_CACHES_EVERY = timedelta(seconds=15)
"""A node that was away accepts ended access for up to this after its return. A call costs milliseconds."""

# --- work within a job --------------------------------------------------------------------------------------------

RECONCILE_EVERY = timedelta(minutes=10)
"""Per cluster: manual changes by an administrator are noticed within minutes; 10,000 grants cost seconds."""

MEASURE_CLOCK_EVERY = timedelta(minutes=1)
"""Per cluster, with one small call. Clocks drift slowly, so this is soon enough."""

NODES_REMEMBER_FOR = timedelta(minutes=25)
"""Longer than a node of a cluster remembers a user by default, 20 minutes (`cache.ttl`, Elasticsearch)."""

ROUTE_AGAIN = timedelta(seconds=5)
"""Between attempts to route a request while Slack or the cluster does not answer."""

REMEMBER_GONE_OWNERS_FOR = timedelta(days=30)
"""The owner of a deleted resource, in case it is created again under the same name."""

# --- messages to people -------------------------------------------------------------------------------------------

CLOCK_NOTICE_EVERY = timedelta(days=1)
"""Between notices to owners about the same clock skew."""

REMIND_OF_REVIEW_EVERY = timedelta(days=1)
"""Until it is done. More often is noise; less often, people forget why the glass was broken."""
