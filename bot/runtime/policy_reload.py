"""Reloads `access.yaml` while the application runs."""

from dataclasses import dataclass

import structlog

from bot.access.ids import APPLICATION
from bot.access.models.columns import Json
from bot.access.policy.current import CurrentPolicy
from bot.access.policy.model import Policy
from bot.access.policy.undercuts import find_undercuts
from bot.access.ports import Clock
from bot.access.store.store import Store
from bot.config.settings import Configuration, Settings, SettingsError, SettingsProblem
from bot.observability.monitoring import policy_detail

log = structlog.get_logger(__name__)


def log_undercuts(policy: Policy) -> None:
    """Logs each flow that undercuts a stricter one, with a request that shows it."""
    for each in find_undercuts(policy):
        log.warning(
            "an access flow undercuts a stricter one",
            flow=each.weaker.name,
            stricter=each.stricter.name,
            demands_less=list(each.concessions),
            example=each.example.command,
            typed_by=each.example.people,
        )


@dataclass(frozen=True)
class PolicyReload:
    """Replaces the current policy as a whole, or not at all."""

    settings: Settings
    current: CurrentPolicy
    started_with: Configuration
    store: Store
    clock: Clock

    def reload(self) -> None:
        """Reads the file again. A broken file leaves the current policy in force, and is logged and audited."""
        try:
            fresh = self.settings.configuration()
            self._check_connections(fresh)
        except SettingsError as error:
            log.warning("the policy was not read again: the old one stays in force", problems=list(error.sentences))
            self._audit("policy.refused", problems=list(error.sentences))
            return
        self.current.policy = fresh.policy
        log.info("the policy was read again", flows=[flow.name for flow in fresh.policy.access_flows])
        log_undercuts(fresh.policy)
        self._audit("policy.loaded", **policy_detail(fresh))

    def _check_connections(self, fresh: Configuration) -> None:
        if fresh.connections != self.started_with.connections:
            raise SettingsError(
                [SettingsProblem("integrations: how a cluster is reached was changed, which needs a restart")]
            )
        before, now = (
            {each.name: (each.resource_owner, each.owners_from, each.opened_space) for each in policy.integrations}
            for policy in (self.started_with.policy, fresh.policy)
        )
        if before != now:
            raise SettingsError(
                [
                    SettingsProblem(
                        "integrations: resource_owner, owners_from or Kibana was changed, which needs a restart"
                    )
                ]
            )

    def _audit(self, event: str, **detail: Json) -> None:
        with self.store.writing() as write:
            write.audit(event, APPLICATION, self.clock.now(), None, **detail)
