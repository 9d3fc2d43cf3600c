"""Metrics for Prometheus: counted from commits, and read from the database at each scrape.

No label holds the name of a person, an index or a request: labels are states and reasons of the domain.
"""

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime

import structlog
from prometheus_client import CollectorRegistry, Counter, Histogram, disable_created_metrics
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.exposition import generate_latest

from bot.access.call_failures import Service
from bot.access.calls.gate import Gate
from bot.access.errors import Refusal
from bot.access.ids import APPLICATION
from bot.access.models.grants import Grant
from bot.access.models.requests import AccessRequest
from bot.access.ports import Clock
from bot.access.states import EndReason, GrantState, RequestState
from bot.access.store.chain import AuditEntry
from bot.access.store.gauges import Gauges
from bot.access.store.transaction import Transaction
from bot.observability.bounded_read import BoundedRead

QUICK = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 3.0)
"""Seconds up to Slack's limit of three."""

HUMAN = (10.0, 30.0, 60.0, 300.0, 900.0, 3600.0, 4 * 3600.0, 8 * 3600.0, 86400.0)
"""Seconds that people take to decide."""

WORK = (0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 3600.0, 86400.0)
"""Seconds that workers take, and that a cluster may be away."""

READ_SECONDS = 2.0
"""How long a scrape waits for the database. Prometheus waits ten seconds, and a probe may be next."""

Read = Callable[[], Gauges]

log = structlog.get_logger(__name__)


class Metrics:
    """All metrics, in their own registry.

    `read` reads the gauges from the database; `ending_since` tells when the revocation of a grant began.
    """

    def __init__(self, read: Read, ending_since: Callable[[str], datetime | None], clock: Clock) -> None:
        disable_created_metrics()  # type: ignore[no-untyped-call]  # no alert of ours uses them
        self._ending_since = ending_since
        self.registry = CollectorRegistry()
        self.life_sign: Callable[[], float | None] = lambda: None
        """The seconds since Slack last sent something."""
        self.gates: Mapping[str, Gate] = {}
        """What calls of the clusters pass, by integration."""
        self.registry.register(_Database(BoundedRead(read, READ_SECONDS, "gauges"), clock, self._silence))
        self.registry.register(_Clusters(lambda: self.gates))

        def counter(name: str, text: str, *labels: str) -> Counter:
            return Counter(f"es_access_{name}", text, labels, registry=self.registry)

        def seconds(name: str, text: str, buckets: tuple[float, ...]) -> Histogram:
            return Histogram(f"es_access_{name}_seconds", text, buckets=buckets, registry=self.registry)

        self._requests = counter("requests", "Requests that came into a state", "state")
        self._decisions = counter("decisions", "Decisions on requests", "decision")
        self._grants = counter("grant_transitions", "Grants that came into a state", "state")
        self._ends = counter("grant_ends", "Grants that began to end, by reason", "reason")
        self._refusals = counter("refusals", "What people asked for and did not get, by kind", "kind")
        self._lost = counter("messages_refused", "Messages that Slack did not take for good")
        self._set_aside = counter("inbox_set_aside", "Payloads that were given up after a bug")
        self._errors = counter("call_errors", "Calls that failed; outage: worth another attempt", "to", "kind")
        self._shipped = counter("audit_shipped_events", "Audit events sent to the audit index by this process")
        self._acknowledged = seconds("acknowledge", "From a payload's arrival to its acknowledgement", QUICK)
        self._approved = seconds("approve", "From the filing of a request to its approval", HUMAN)
        self._delivered = seconds("deliver", "From the approval to the credential in the message", WORK)
        self._lag = seconds("revocation_lag", "From the moment that access had to end to its confirmed end", WORK)
        self._begin_at_zero()

    def _begin_at_zero(self) -> None:
        # A missing series has no rate, so an alert on it would miss the first failure.
        for state in RequestState:
            self._requests.labels(state.value)
        for decision in ("approve", "deny", "rule"):
            self._decisions.labels(decision)
        for grant_state in set(GrantState) - {GrantState.PROVISIONING}:  # the state that a grant is created in
            self._grants.labels(grant_state.value)
        for end in EndReason:
            self._ends.labels(end.value)
        for to in ("cluster", "slack"):
            for kind in ("outage", "refusal"):
                self._errors.labels(to, kind)

    def _silence(self) -> float | None:
        return self.life_sign()  # replaced when the connection to Slack is set up

    def committed(self, transaction: Transaction) -> None:
        """Counts the changes of a transaction. Never raises, because the transaction is already committed."""
        try:
            for event in transaction.audited:
                self._count(event)
            for row, state in transaction.moved:
                self._measure(row, state)
        except Exception:
            log.exception("a bug: a commit was not counted")

    def acknowledged(self, seconds: float) -> None:
        """Records the seconds until one of Slack's payloads was acknowledged."""
        self._acknowledged.observe(seconds)

    def call_failed(self, to: Service, kind: type[Exception]) -> None:
        """Counts a failed call: an `OnFailure`."""
        self._errors.labels(to, "refusal" if kind is Refusal else "outage").inc()

    def shipped(self, count: int) -> None:
        """Counts audit events sent to the audit index."""
        self._shipped.inc(count)

    def page(self) -> bytes:
        """All metrics in Prometheus' text format."""
        return generate_latest(self.registry)

    def _count(self, event: AuditEntry) -> None:
        if event.event == "request.submitted":
            self._requests.labels(RequestState.PENDING.value).inc()
        elif event.event == "request.approval_given":
            self._decisions.labels("approve").inc()
        elif event.event == "access.refused":
            self._refusals.labels(str(event.detail.get("kind"))).inc()
        elif event.event == "message.refused":
            self._lost.inc()
        elif event.event == "inbox.set_aside":
            self._set_aside.inc()

    def _measure(self, row: AccessRequest | Grant, state: RequestState | GrantState) -> None:
        if isinstance(row, AccessRequest):
            self._request_moved(row, state)
        else:
            self._grant_moved(row, state)

    def _request_moved(self, row: AccessRequest, state: RequestState | GrantState) -> None:
        self._requests.labels(state.value).inc()
        if state is RequestState.DENIED:
            self._decisions.labels("deny").inc()
        if state is RequestState.APPROVED:
            by_rule = row.decided_by == APPLICATION
            self._decisions.labels("rule" if by_rule else "approve").inc()
            if row.decided_at is not None and not by_rule:
                self._approved.observe(_seconds(row.decided_at, row.created_at))

    def _grant_moved(self, row: Grant, state: RequestState | GrantState) -> None:
        self._grants.labels(state.value).inc()
        if state is GrantState.REVOKING and row.ended_at is None and row.attempts == 0:
            self._ends.labels(row.end_reason).inc()
        elif state is GrantState.ACTIVE and row.delivered_at is not None:
            self._delivered.observe(_seconds(row.delivered_at, row.created_at))
        elif state is GrantState.REVOKED and row.ended_at is not None:
            due = row.expires_at if row.end_reason == EndReason.EXPIRED else self._ending_since(row.id)
            self._lag.observe(_seconds(row.ended_at, due or row.expires_at))


class _Clusters:
    """Whether the clusters answer, as the last calls have found."""

    def __init__(self, gates: Callable[[], Mapping[str, Gate]]) -> None:
        self._gates = gates

    def collect(self) -> Iterator[Metric]:
        """See `prometheus_client.registry.Collector`."""
        about = "Whether the cluster answers; while it does not, most of its calls fail at once"
        answers = GaugeMetricFamily("es_access_cluster_up", about, labels=["integration"])
        for integration, gate in self._gates().items():
            answers.add_metric([integration], float(gate.is_open))
        yield answers


class _Database:
    """Reads gauges at each scrape. A database that does not answer is a metric too."""

    def __init__(self, read: Read, clock: Clock, life_sign: Callable[[], float | None]) -> None:
        self._read = read
        self._clock = clock
        self._life_sign = life_sign

    def collect(self) -> Iterator[Metric]:
        """See `prometheus_client.registry.Collector`."""
        silence = self._life_sign()
        if silence is not None:
            yield _gauge("slack_life_sign_age_seconds", "Since Slack was last heard", silence)
        try:
            found = self._read()
        except Exception as error:  # noqa: BLE001 (the other metrics must survive any error of the database)
            log.warning("the database did not answer a scrape", error=type(error).__name__)
            yield _gauge("database_up", "Whether the database answers", 0)
            return
        yield _gauge("database_up", "Whether the database answers", 1)
        yield _gauge("requests_pending", "Requests that wait for a decision", found.pending)
        about = "Grants of which something may be in the cluster"
        grants = GaugeMetricFamily("es_access_grants", about, labels=["state"])
        for state, count in found.grants.items():
            grants.add_metric([state], count)
        yield grants
        oldest = _seconds(self._clock.now(), found.owed_since) if found.owed_since else 0.0
        yield _gauge("outbox_owed", "Messages that are owed", found.owed)
        yield _gauge("outbox_oldest_seconds", "For how long the oldest of them is owed", oldest)
        oldest = _seconds(self._clock.now(), found.taken_since) if found.taken_since else 0.0
        yield _gauge("inbox_waiting", "Payloads that are taken and not done yet", found.taken)
        yield _gauge("inbox_oldest_seconds", "For how long the oldest of them is taken", oldest)
        yield _gauge("audit_events", "Audit events in the chain", found.audited)
        if found.shipped is not None:
            yield _gauge("audit_unshipped", "Audit events that the audit index lacks", found.audited - found.shipped)


def _gauge(name: str, text: str, value: float) -> GaugeMetricFamily:
    return GaugeMetricFamily(f"es_access_{name}", text, value=value)


def _seconds(later: datetime, earlier: datetime) -> float:
    # After the clock was set back, a negative duration would reduce the sum.
    return max((later - earlier).total_seconds(), 0.0)
