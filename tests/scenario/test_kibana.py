"""Kibana for passwords: the role as a real node evaluates it, the link, and `bot check`. There is no Kibana here."""

import json
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from bot.sandbox.node import Node
from tests.kibana import LOGIN, NEW, OLD, may, registered
from tests.scenario.kinds import key_of, message_of, password_of, username
from tests.scenario.newcomer import Newcomer, arrived
from tests.stage import Stage, set_stage

WHERE = {"KIBANA_URL": "https://kibana.example.com", "KIBANA_SPACE": "ops"}


@pytest.fixture
def stage(each_node: Node, tmp_path: Path) -> Iterator[Stage]:
    """A stage with a Kibana, on a node of each version."""
    with ExitStack() as stack:
        ready = set_stage(each_node, tmp_path, stack, settings=WHERE)
        ready.app.start()
        yield ready


@pytest.mark.parametrize("features", [OLD, NEW], ids=["old names", "new names"])
def test_read_opens_discover_and_dashboards_in_the_space_and_nothing_else(
    stage: Stage, features: tuple[str, ...]
) -> None:
    with registered(stage.node, features):
        request = stage.ask("logs-* 1h")
        stage.approve(request)
        given = password_of(stage, request)
        with stage.node.client_of(username(request), given.secret) as person:
            for feature in features:
                opened = not feature.startswith("maps")
                assert may(person, f"ui:{feature}/show", "ops") is opened
                assert not may(person, f"ui:{feature}/save", "ops")
            assert may(person, LOGIN, "ops")
            assert not may(person, LOGIN, "default")
    text = stage.read(message_of(stage, request, "Password"), stage.alice)
    assert "Open in Kibana (https://kibana.example.com/s/ops/app/r?" in text
    link = text.partition("Open in Kibana (")[2].partition(")")[0]
    assert json.loads(parse_qs(urlsplit(link).query)["p"][0]) == {"dataViewSpec": {"title": "logs-*"}}


def test_a_key_opens_no_kibana(stage: Stage) -> None:
    request = stage.ask("logs-* 1h --key")
    stage.approve(request)
    key_of(stage, request)
    assert "Open in Kibana" not in stage.read(message_of(stage, request, "API key"), stage.alice)
    found = stage.node.client().security.get_api_key(username=username(request), with_limited_by=True)
    (limits,) = found["api_keys"][0]["limited_by"]
    assert not limits[username(request)].get("applications")


def test_access_that_was_lost_is_adopted_as_what_it_was(stage: Stage) -> None:
    request, _ = stage.granted("logs-* 1h")
    stage.app.stop()
    (stage.app.directory / "es-access.db").unlink()
    stage.app.start()
    stage.wait(lambda: stage.audit("grant.adopted"), "the adoption")
    assert json.loads(stage.audited("grant.adopted", request))["permission"] == "read"


FLOWS = """
access_flows:
  - {name: all, permissions: [read, maps]}
permissions:
  - {name: maps, indices: [read], kibana: [feature_map.read, feature_discover.raed, feature_discover.read]}
"""


@pytest.fixture
def newcomer(node: Node, tmp_path: Path) -> Iterator[Newcomer]:
    with arrived(node, tmp_path, policy=lambda _: FLOWS) as ready:
        ready.write(
            lambda text: text.replace("    owner:", "    kibana_url: https://kibana.example.com\n    owner:", 1)
        )
        yield ready


def test_features_that_do_not_exist_are_named_with_the_nearest(newcomer: Newcomer, node: Node) -> None:
    with registered(node, NEW):
        found = newcomer.check()
        assert "ok    elasticsearch: Kibana: read, write and manage open feature_dashboard.read" in found.text.replace(
            "ok    Kibana", "ok    elasticsearch: Kibana"
        )
        fix = found.fix("warn  Kibana: feature_map.read of the permission maps does not exist, so it gives nothing")
        assert "feature_maps_v2.read" in fix
        assert "feature_discover.read" in found.fix("warn  Kibana: feature_discover.raed of the permission maps")
        assert "feature_discover.read of" not in found.text


def test_a_cluster_without_kibana_is_named(newcomer: Newcomer) -> None:
    fix = newcomer.check().fix("warn  Kibana: the cluster lists no privileges of Kibana, so nobody can open it")
    assert "Start Kibana on this cluster once" in fix


def test_without_kibana_in_the_policy_nothing_is_said(node: Node, tmp_path: Path) -> None:
    with arrived(node, tmp_path) as ready:
        assert "Kibana" not in ready.check().text
