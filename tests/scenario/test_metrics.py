"""The metrics of a running application, and their use in the dashboard and alert rules."""

import json
import re
import time
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

from bot.sandbox.node import Node
from tests.stage import Stage, set_stage

DEPLOY = Path(__file__).parents[2] / "deploy"
NAME = re.compile(r"\bes_access_[a-z_]+")
SELECTOR = re.compile(r"\b(es_access_[a-z_]+)\{([^}]*)\}")
LABEL = re.compile(r'(\w+)(=~|=)"([^"]*)"')

Samples = dict[str, list[tuple[dict[str, str], float]]]


@pytest.fixture
def shipping_stage(node: Node, tmp_path: Path) -> Iterator[Stage]:
    """A stage with every exporter switched on. The audit index need not answer."""
    settings = {
        "AUDIT_INDEX": "es-access-audit", "AUDIT_URL": node.url, "AUDIT_USERNAME": "nobody",
        "AUDIT_PASSWORD": "not-this-one",
    }  # fmt: skip
    with ExitStack() as stack:
        ready = set_stage(node, tmp_path, stack, settings=settings)
        ready.app.start()
        yield ready


def page(stage: Stage, path: str = "/metrics") -> str:
    with urllib.request.urlopen(stage.app.url + path, timeout=10) as answer:  # noqa: S310 (our own)
        return str(answer.read().decode())


def samples(stage: Stage) -> Samples:
    found: Samples = {}
    for family in text_string_to_metric_families(page(stage)):
        for sample in family.samples:
            found.setdefault(sample.name, []).append((dict(sample.labels), sample.value))
    return found


def value(found: Samples, name: str, **labels: str) -> float:
    return next(number for held, number in found[name] if labels.items() <= held.items())


def expressions() -> dict[str, str]:
    """Every expression in the files, by its place."""
    board = json.loads((DEPLOY / "grafana" / "es-access.json").read_text())
    current = yaml.safe_load((DEPLOY / "prometheus" / "es-access-alerts.yml").read_text())
    panels = {
        f"{panel['title']} {each['refId']}": each["expr"] for panel in board["panels"] for each in panel["targets"]
    }
    alerts = {rule["alert"]: rule["expr"] for group in current["groups"] for rule in group["rules"]}
    return panels | alerts


def test_the_story_of_a_grant_is_counted(quiet_stage: Stage) -> None:
    stage = quiet_stage
    before = samples(stage)
    assert value(before, "es_access_requests_total", state="approved") == 0
    request, _ = stage.granted()
    stage.wait(lambda: value(samples(stage), "es_access_grants", state="active") == 1, "the active grant")
    stage.say(stage.alice, f"revoke {request}")
    stage.reads(stage.alice, f"ACCESS {request} HAS ENDED")
    stage.say(stage.alice, "status REQ-000000")
    after = samples(stage)
    assert value(after, "es_access_requests_total", state="pending") == 1
    assert value(after, "es_access_decisions_total", decision="approve") == 1
    assert value(after, "es_access_grant_ends_total", reason="revoked") == 1
    assert value(after, "es_access_refusals_total", kind="NotFound") == 1
    assert value(after, "es_access_grants", state="active") == 0
    for name in ("approve", "deliver", "revocation_lag"):
        assert value(after, f"es_access_{name}_seconds_count") == 1, name
    assert value(after, "es_access_acknowledge_seconds_count") >= 4
    assert 0 < value(after, "es_access_revocation_lag_seconds_sum") < 30, "counted from the click"
    stage.wait(lambda: value(samples(stage), "es_access_outbox_owed") == 0, "an empty outbox")


def test_lag_of_an_expiry_counts_from_the_time_of_the_expiry(quiet_stage: Stage) -> None:
    _, secret = quiet_stage.granted()
    quiet_stage.app.move_clock(3600 + 120)
    quiet_stage.refused(secret)
    quiet_stage.reads(quiet_stage.alice, "HAS ENDED")
    lag = value(samples(quiet_stage), "es_access_revocation_lag_seconds_sum")
    assert 100 < lag < 180, "two minutes late, since the clock jumped past it"


def test_no_label_holds_a_person_an_index_or_a_request(quiet_stage: Stage) -> None:
    request, secret = quiet_stage.granted()
    text = page(quiet_stage)
    people = (quiet_stage.alice, quiet_stage.bob, quiet_stage.carol)
    for word in (request, secret.username, "logs-", *(each.id for each in people), *(each.email for each in people)):
        assert word not in text
    labels = {name for rows in samples(quiet_stage).values() for held, _ in rows for name in held}
    assert labels == {"state", "decision", "reason", "kind", "to", "integration", "le"}


def test_dashboard_and_alerts_use_what_is_really_exported(shipping_stage: Stage) -> None:
    stage = shipping_stage
    stage.say(stage.alice, "status REQ-000000")
    stage.say(stage.alice, "logs-* 1h")
    found = samples(stage)
    used = {name for expr in expressions().values() for name in NAME.findall(expr)}
    assert used
    assert sorted(used - found.keys()) == []
    exported = {name for name in found if not name.endswith(("_sum", "_count"))}
    assert sorted(exported - used) == [], "what is exported is shown somewhere"
    for where, expr in expressions().items():
        for name, selectors in SELECTOR.findall(expr):
            for label, how, wanted in LABEL.findall(selectors):
                held = {labels.get(label) for labels, _ in found[name]} | {"NotAllowed"}
                for each in wanted.split("|") if how == "=~" else [wanted]:
                    assert each in held, f"{where}: {name} has no {label}={each}"


def test_a_failing_audit_index_is_seen_and_stops_nothing(shipping_stage: Stage) -> None:
    request, _ = shipping_stage.granted()
    assert request
    found = samples(shipping_stage)
    assert value(found, "es_access_audit_unshipped") == value(found, "es_access_audit_events") >= 4
    assert value(found, "es_access_call_errors_total", to="cluster", kind="outage") >= 1


def test_every_alert_says_what_it_means() -> None:
    current = yaml.safe_load((DEPLOY / "prometheus" / "es-access-alerts.yml").read_text())
    for rule in current["groups"][0]["rules"]:
        assert rule["annotations"]["summary"]
        assert rule["labels"]["severity"] in {"critical", "warning", "info"}


def test_readiness_says_when_slack_was_last_heard(stage: Stage) -> None:
    if not stage.app.environment.get("SLACK_APP_TOKEN"):
        assert json.loads(page(stage, "/readyz"))["slack last life sign"] == "none yet"
        stage.say(stage.alice, "help")
    answer: dict[str, Any] = stage.wait(lambda: _heard(stage), "a life sign")
    assert answer["database"] == "ok"
    assert float(answer["slack last life sign"].removesuffix(" s ago")) < 10


def _heard(stage: Stage) -> dict[str, Any] | None:
    answer: dict[str, Any] = json.loads(page(stage, "/readyz"))
    return answer if answer["slack last life sign"].endswith(" s ago") else None


def test_a_half_open_connection_is_noticed_and_opened_anew_within_half_a_minute(quiet_stage: Stage) -> None:
    stage = quiet_stage
    stage.say(stage.alice, "help")
    stage.workspace.half_open()
    began = time.monotonic()
    stage.workspace.wait_for(
        lambda: stage.workspace.command(stage.alice, "/es-access", "help").acknowledged, timeout=30, what="recovery"
    )
    assert time.monotonic() - began < 30
    stage.wait(lambda: json.loads(page(stage, "/readyz?deep"))["slack connection"] == "ok", "a ready connection")
