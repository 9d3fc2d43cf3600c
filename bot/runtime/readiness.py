"""What the log says at start: `ready` when everything outside answers, `started` when something does not yet."""

import threading
from collections.abc import Mapping
from concurrent.futures import Future, wait
from typing import Any

import structlog

from bot.access.errors import Outage, Refusal
from bot.cluster.cluster import ElasticsearchCluster

ANSWER_SECONDS = 1.0
"""A cluster that is well answers in a few milliseconds."""

log = structlog.get_logger(__name__)


def announce(clusters: Mapping[str, ElasticsearchCluster], *, slack: bool, **about: Any) -> None:
    """Says it in the background: a cluster that does not answer must not delay the start. `slack`: whether it did."""
    asked = [_ask(name, cluster) for name, cluster in clusters.items()]

    def say() -> None:
        done, late = wait(asked, ANSWER_SECONDS)
        well = slack and not late and all(each.result() for each in done)
        log.info("ready" if well else "started", **about)

    threading.Thread(target=say, name="announcing", daemon=True).start()


def _ask(name: str, cluster: ElasticsearchCluster) -> Future[bool]:
    answer: Future[bool] = Future()
    # A thread that the end of the process does not wait for, unlike an executor's: an answer may take ten seconds.
    threading.Thread(target=lambda: answer.set_result(_answers(name, cluster)), name="asking", daemon=True).start()
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
