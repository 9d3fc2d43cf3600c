"""Reading `access.yaml` again: flows that undercut a stricter one are logged, or refused by `strict`."""

import os
from pathlib import Path
from unittest.mock import patch

import pytest
from structlog.testing import capture_logs

from bot.access.policy.current import CurrentPolicy
from bot.config.settings import load_settings
from bot.runtime.policy_reload import PolicyReload
from tests.fakes import World
from tests.unit.config.access_yaml.test_reader import GOOD, PASSWORD

SLACK = {"SLACK_BOT_TOKEN": "xoxb-1234567890", "SLACK_APP_TOKEN": "xapp-1234567890"}
STRICTER = "  - name: metrics\n    patterns: [metrics-*]\n    approvals: 2\npending_duration"


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "access.yaml"
    path.write_text(GOOD, encoding="utf-8")
    return path


@pytest.fixture
def reload(world: World, file: Path) -> PolicyReload:
    environment = SLACK | {"ACCESS_CONFIG": str(file), "ES_PASSWORD": PASSWORD}
    with patch.dict(os.environ, environment, clear=True):
        settings = load_settings()
    configuration = settings.configuration()
    return PolicyReload(settings, CurrentPolicy(configuration.policy), configuration, world.store, world.clock)


@pytest.fixture(autouse=True)
def _password(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ES_PASSWORD", PASSWORD)


def test_a_flow_that_undercuts_another_is_logged_with_a_request(reload: PolicyReload, file: Path) -> None:
    file.write_text(GOOD.replace("pending_duration", STRICTER), encoding="utf-8")
    with capture_logs() as lines:
        reload.reload()
    (found,) = [line for line in lines if line["log_level"] == "warning"]
    assert found == {
        "event": "an access flow undercuts a stricter one",
        "log_level": "warning",
        "flow": "everyone",
        "stricter": "metrics",
        "demands_less": ["1 approval instead of 2"],
        "example": "/es-access metrics-* 1h",
        "typed_by": "anybody",
    }
    assert len(reload.current.policy.access_flows) == 2


def test_with_strict_the_old_policy_stays_in_force(reload: PolicyReload, file: Path) -> None:
    file.write_text("strict: true\n" + GOOD.replace("pending_duration", STRICTER), encoding="utf-8")
    with capture_logs() as lines:
        reload.reload()
    (found,) = [line for line in lines if line["log_level"] == "warning"]
    assert "on line 21, so that the same data is given" in found["problems"][0]
    assert len(reload.current.policy.access_flows) == 1
