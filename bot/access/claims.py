"""How long each claim lasts: a process that claims a row or a duty keeps others from it for this time.

When a process dies, another takes over after the claim has lapsed. So a claim is as short as possible, but longer than
the calls that it covers: otherwise two processes would work on the same row.
"""

from datetime import timedelta

# --- claims on rows -----------------------------------------------------------------------------------------------

WORKER_CLAIM = timedelta(seconds=15)
"""On a grant or message in the hands of a worker, which renews it while it works."""

RENEW_EVERY = timedelta(seconds=5)
"""Between renewals by a worker, a third of its claim: two may fail before another process takes the row."""

COMMAND_CLAIM = timedelta(minutes=1)
"""On the grants of an administrator's command. A hundred take a fraction of a second, or time out."""

MISSING_GRANT_CLAIM = timedelta(seconds=45)
"""On a grant while the cluster is asked whether it still exists."""

REVEAL_CLAIM = timedelta(seconds=45)
"""On a grant while a click makes its password. An API key takes more calls: if most of them time out, another process
may take over, and `provisioning` then renews the secret."""

NARROW_CLAIM = timedelta(seconds=45)
"""On a grant while an alias is taken out of its role."""

OWN_ACCOUNT_CLAIM = timedelta(minutes=1)
"""On a person's account while their personal role is written: longer than all calls for it if each of them times out,
since the role keeps its name, so that a call of one writer could undo that of the next."""

LONGEST_ROW_CLAIM = timedelta(minutes=1)
"""The longest claim on a row. After our clock was set back, no claim may last longer than this from now."""

# --- claims on duties ---------------------------------------------------------------------------------------------

ALIASES_CLAIM = timedelta(minutes=2)
"""On the look at the aliases of one cluster, renewed with every page of grants and given back at the end."""

AUTOMATIC_GRANTS_CLAIM = timedelta(seconds=30)
"""On the automatic access flows, from one lookup of members or new grant to the next."""

CLOCK_NOTICE_CLAIM = timedelta(seconds=30)
"""On the notice to owners about clock skew."""

HOME_TABS_CLAIM = timedelta(seconds=30)
"""On showing changes in Home tabs. If the process dies, unshown changes appear when the Home tab is opened again."""

OWNER_WATCH_CLAIM = timedelta(seconds=45)
"""On the look at the owners in one cluster: shorter than the time between two looks."""

OWNER_CHANGES_CLAIM = timedelta(minutes=2)
"""On the check for owners who left."""

RECONCILIATION_CLAIM = timedelta(minutes=2)
"""On the reconciliation of one cluster, renewed with every page."""

ROTATION_CLAIM = timedelta(minutes=5)
"""On the rotation of one connector account: longer than all its calls if each of them times out."""

SHIPPING_CLAIM = timedelta(seconds=30)
"""On audit shipping, renewed with every batch."""

UNFINISHED_TASKS_CLAIM = timedelta(seconds=15)
"""On the look for tasks in one cluster after grants have ended: one call of three seconds at most, and its record."""
