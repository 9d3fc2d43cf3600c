"""Logs `ready` after the start when Slack and all clusters answer, or `started` when one does not answer yet."""

import threading
from collections.abc import Mapping
from concurrent.futures import Future, wait

import structlog

from bot.access.errors import Outage, Refusal
from bot.cluster.cluster import ElasticsearchCluster

ANSWER_SECONDS = 1.0
"""How long to wait for the clusters. A healthy one answers in a few milliseconds."""

log = structlog.get_logger(__name__)


def log_readiness(clusters: Mapping[str, ElasticsearchCluster], *, slack: bool, **about: str | int | None) -> None:
    """Logs it in the background, so that a slow cluster does not delay the start. `slack`: whether Slack answered."""
    asked = [_ask(name, cluster) for name, cluster in clusters.items()]

    def log_result() -> None:
        done, late = wait(asked, ANSWER_SECONDS)
        ready = slack and not late and all(each.result() for each in done)
        log.info("ready" if ready else "started", **about)

    threading.Thread(target=log_result, name="readiness", daemon=True).start()


def _ask(name: str, cluster: ElasticsearchCluster) -> Future[bool]:
    answer: Future[bool] = Future()
    # A daemon thread, unlike those of an executor: an answer may take ten seconds, and the process may end before it.
    threading.Thread(target=lambda: answer.set_result(_answers(name, cluster)), name="ping", daemon=True).start()
    return answer


def _answers(name: str, cluster: ElasticsearchCluster) -> bool:
    try:
        cluster.ping()
    except Outage as error:
        log.warning("cannot reach Elasticsearch yet", integration=name, error=str(error))
    except Refusal as error:
        log.warning("Elasticsearch refuses the connector account", integration=name, error=str(error))
    else:
        return True
    return False
