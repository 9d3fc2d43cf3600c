"""The policy: integrations, permissions and access flows."""

from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import Any, Literal, Self

from pydantic import Field, model_validator

from bot.access.errors import Incomplete, InvalidRequest
from bot.access.models.columns import CredentialKind
from bot.access.models.limits import Limits
from bot.access.policy.access_flow import AccessFlow
from bot.access.policy.limits.fields import FieldLimits, includes_fields
from bot.access.policy.limits.query import includes_documents
from bot.access.policy.privileges import (
    EVERYTHING,
    LIMITED,
    Effect,
    effects_of,
    heeds_limits,
    includes,
    strongest_effect,
)
from bot.access.policy.value_types import AccountRules, Name, Owners, PolicyPart

LONGEST_REASON = 500
"""Characters: a longer reason does not fit into an approval message on a phone."""

LONGEST_DETAILS = 400
"""Characters of the custom access details."""


LONGEST_HINT = 200
"""Characters of the hint where people find a file."""

SYSTEM_INDICES = "with restricted_indices, a wildcard covers the hidden indices of excluded data streams"
"""Why `exclude` and `restricted_indices` do not go together."""


DEFAULT_SPACE = "default"
"""The Kibana space that is always there."""
LIMITS_READING = f"limits {', '.join(LIMITED[:-1])} and {LIMITED[-1]} alone"
"""What limits of fields and documents go together with: nothing else heeds them."""


class Permission(PolicyPart):
    """A named set of index privileges and Kibana features.

    `cluster`, `run_as` and `restricted_indices` are dangerous: only flows with `dangerous` may offer them.
    """

    name: Name
    indices: tuple[str, ...] = Field(min_length=1, description="Elasticsearch index privileges, such as read")
    kibana: tuple[str, ...] = Field(default=(), description="Kibana feature privileges, such as feature_discover.read")
    spaces: tuple[str, ...] = Field(default=(DEFAULT_SPACE,), description="Kibana spaces in which they hold")
    cluster: tuple[str, ...] = Field(default=(), description="Elasticsearch cluster privileges. Dangerous")
    run_as: tuple[str, ...] = Field(default=(), description="Users whose name may be taken. Dangerous")
    restricted_indices: bool = Field(default=False, description="System indices are covered too. Dangerous")
    monitor: bool = Field(default=False, description="The state of the cluster may be seen. Not dangerous")
    fields: FieldLimits | None = Field(default=None, description="The fields of documents that are shown")
    query: str = Field(default="", description="A query in canonical JSON, which documents have to match to be shown")

    @property
    def dangerous(self) -> bool:
        """Whether the permission gives more than indices and Kibana."""
        return bool(self.cluster or self.run_as or self.restricted_indices)

    @property
    def limits(self) -> Limits:
        """The fields and documents that it shows."""
        return Limits(self.fields.grant if self.fields else (), self.fields.hidden if self.fields else (), self.query)

    @property
    def may_be_limited(self) -> bool:
        """Whether limits of fields and documents hold for everything that it gives."""
        return heeds_limits(self.indices) and not self.dangerous

    def check_limits(self) -> None:
        """Raises `ValueError` for limits that do not hold for everything that it gives."""
        if self.limits and not self.may_be_limited:
            raise ValueError(f"permission {self.name}: {'fields' if self.fields else 'query'} {LIMITS_READING}")

    @property
    def reaches_further(self) -> bool:
        """Whether its holder may reach more than the patterns say: by a cluster privilege, or as another user."""
        return bool(self.run_as) or not {each.lower() for each in self.cluster} <= {"none", "monitor"}

    @property
    def effects(self) -> frozenset[Effect]:
        """Everything that it lets its holder do with the data. A Kibana feature gives none by itself."""
        return EVERYTHING if self.reaches_further else effects_of(self.indices)

    def goes_on_after(self, kind: CredentialKind) -> bool:
        """Whether a request that changes data goes on when access with that kind of credential ends."""
        return not kind.stops_open_requests and bool(self.effects - {Effect.READS})

    def includes(self, other: "Permission") -> bool:
        """Whether its holder has all that the other permission gives, in Kibana as well."""
        return (
            includes(_watching(self, self.indices), _watching(other, other.indices))
            and set(other.kibana) <= set(self.kibana)
            and (not other.kibana or set(other.spaces) <= set(self.spaces))
            and self._includes_cluster(_watching(other, other.cluster))
            and set(other.run_as) <= set(self.run_as)
            and other.restricted_indices <= self.restricted_indices
            and self.shows_all_of(other)
        )

    def shows_all_of(self, other: "Permission") -> bool:
        """Whether its limits show every field and document that those of the other permission show."""
        mine, theirs = self.limits, other.limits
        return includes_fields(mine, theirs) and includes_documents(mine.query, theirs.query)

    def is_denied_by(self, denied: "Permission") -> bool:
        """Whether a flow that denies the other permission denies this one as well.

        Denying a permission denies its strongest effect, whichever privileges have it, with limits or without. Denying
        a dangerous permission leaves the ordinary ones open that it includes. `monitor` is ordinary, and has no effect
        on data.
        """
        if self.reaches_further or denied.reaches_further:
            return self.reaches_further
        if not (self._includes_cluster(denied.cluster) and denied.restricted_indices <= self.restricted_indices):
            return False
        strongest = strongest_effect(denied.indices)
        return includes(self.indices, denied.indices) if strongest is None else strongest in self.effects

    def _includes_cluster(self, privileges: Iterable[str]) -> bool:
        cluster = {each.lower() for each in _watching(self, self.cluster)}
        return "all" in cluster or {each.lower() for each in privileges} <= cluster

    @staticmethod
    def restored(name: str, privileges: Mapping[str, Any]) -> "Permission":
        """The permission of a stored request. It is not checked again: those of an adopted grant are the cluster's."""
        held: dict[str, Any] = {
            key: tuple(value) if isinstance(value, list) else value for key, value in privileges.items()
        }
        return Permission.model_construct(name=name, **{**held, **_limited(Limits.restored(privileges))})

    def limited(self, limits: Limits) -> "Permission":
        """The same permission with these limits instead of its own."""
        return self.model_copy(update=_limited(limits))

    def stored(self) -> dict[str, Any]:
        """The privileges as JSON, stored with each request: a policy change does not alter approved access."""
        held = {"indices": list(self.indices), "kibana": list(self.kibana), "spaces": list(self.spaces)}
        dangers = {
            "cluster": list(self.cluster),
            "run_as": list(self.run_as),
            "restricted_indices": self.restricted_indices,
        }
        more = {**dangers, "monitor": self.monitor}
        return {**held, **{name: value for name, value in more.items() if value}, **self.limits.stored()}


def _limited(limits: Limits) -> dict[str, Any]:
    """The values of a permission with these limits. They are not checked again."""
    fields = FieldLimits.model_construct(grant=limits.grant, hidden=limits.hidden)
    return {"fields": fields if limits.grant or limits.hidden else None, "query": limits.query}


def _watching(permission: Permission, privileges: tuple[str, ...]) -> tuple[str, ...]:
    """The privileges, with the one that `monitor` adds for the cluster, and for the indices."""
    return (*privileges, "monitor") if permission.monitor else privileges


PERMISSIONS = (
    Permission(name="read", indices=("read", "view_index_metadata")),
    Permission(name="write", indices=("read", "view_index_metadata", "write")),
    Permission(name="manage", indices=("read", "view_index_metadata", "write", "manage")),
)
"""Built-in permissions. Each includes the one before."""


BUILT_IN = frozenset(each.name for each in PERMISSIONS)
"""Their names, which no other permission has."""

OwnersFrom = Literal["mapping", "template"]
"""Where the owners of resources are read: also in the mapping of each index, or in index templates and data streams
alone, which no temporary role can change."""


class Integration(PolicyPart):
    """One cluster in the policy: its owner, and the texts that people get."""

    name: Name
    owner: Owners
    resource_owner: str | None = None
    owners_from: OwnersFrom = "mapping"
    public_url: str
    access_details: str = Field(default="", max_length=LONGEST_DETAILS)
    ca_file: str | None = Field(default=None, description="The name of the file with the CA that people need")
    ca_hint: str = Field(default="", max_length=LONGEST_HINT, description="Where people find that file")
    kibana_url: str | None = None
    kibana_space: str = DEFAULT_SPACE
    user_cleanup_days: int | None = Field(default=None, description="Users stay that long, disabled, after the end")
    accounts: AccountRules | None = None

    def kinds(self, flow: AccessFlow) -> tuple[CredentialKind, ...]:
        """The kinds of credentials that a flow gives here, the usual one first."""
        own = self.accounts is not None
        return tuple(each for each in flow.credentials if own or each is not CredentialKind.OWN_ACCOUNT)

    @property
    def opened_space(self) -> str | None:
        """The Kibana space in which built-in permissions open Discover and Dashboards; `None` without a Kibana."""
        return None if self.kibana_url is None else self.kibana_space

    @property
    def owners_in_mappings(self) -> bool:
        """Whether owners are read in the mappings of indices, which access may be able to write."""
        return self.resource_owner is not None and self.owners_from == "mapping"


class Policy(PolicyPart):
    """The whole policy, on which every decision depends."""

    integrations: tuple[Integration, ...] = Field(min_length=1)
    permissions: tuple[Permission, ...] = PERMISSIONS
    access_flows: tuple[AccessFlow, ...] = Field(min_length=1)
    pending_for: timedelta = timedelta(hours=8)
    pending_per_person: int = Field(default=10, ge=1)
    requests_per_hour: int = Field(default=30, ge=1)

    @model_validator(mode="after")
    def _check_names(self) -> Self:
        for kind in ("integrations", "permissions", "access_flows"):
            names = [each.name.lower() for each in getattr(self, kind)]
            for name in names:
                if names.count(name) > 1:
                    raise ValueError(f"{kind}: there are two of the name {name}")
        for each in self.permissions:
            each.check_limits()
        known = {each.name for each in self.permissions}
        clusters = {each.name for each in self.integrations}
        for flow in self.access_flows:
            self._check_dangers(flow)
            self._check_accounts(flow)
            if unknown := set(flow.permissions) - known:
                raise ValueError(f"access flow {flow.name}: no permission {', '.join(sorted(unknown))}")
            if unknown := set(flow.integrations) - clusters:
                raise ValueError(f"access flow {flow.name}: no integration {', '.join(sorted(unknown))}")
        return self

    def _check_accounts(self, flow: AccessFlow) -> None:
        named = "credentials" in flow.model_fields_set and CredentialKind.OWN_ACCOUNT in flow.credentials
        lacking = [each.name for each in self.integrations if each.accounts is None and flow.is_for(each.name)]
        if named and lacking and not flow.deny:
            raise ValueError(f"access flow {flow.name}: own_account needs `accounts` in the integration {lacking[0]}")

    def _check_dangers(self, flow: AccessFlow) -> None:
        offered = [each for each in self.permissions if each.name in flow.offers]
        dangers = [each.name for each in offered if each.dangerous]
        if dangers and not flow.dangerous and not flow.deny:
            raise ValueError(
                f"access flow {flow.name}: {dangers[0]} is dangerous. If that is meant, write dangerous: true"
            )
        system = [each.name for each in offered if each.restricted_indices]
        if system and flow.exclude:
            raise ValueError(f"access flow {flow.name}: exclude does not hold for {system[0]}: {SYSTEM_INDICES}")

    @property
    def longest(self) -> timedelta:
        """The longest duration that any flow allows."""
        return max((flow.max_duration for flow in self.access_flows if not flow.deny), default=timedelta(0))

    def integration(self, name: str | None) -> Integration:
        """Finds an integration by name, or the only one if `name` is `None`. Raises `InvalidRequest`."""
        known = ", ".join(each.name for each in self.integrations)
        example = f"/es-access logs-* 1h --cluster {self.integrations[0].name}"
        if name is None:
            if len(self.integrations) > 1:
                raise Incomplete(f"Say which cluster you mean: {known}.", example)
            return self.integrations[0]
        for each in self.integrations:
            if each.name.lower() == name.lower():
                return each
        raise InvalidRequest(f"There is no cluster “{name[:40]}” here. There is: {known}.", example)

    def find_integration(self, name: str) -> Integration | None:
        """The integration of exactly that name; `None` if the policy no longer has it."""
        return next((each for each in self.integrations if each.name == name), None)

    def permission(self, name: str) -> Permission:
        """Finds a permission by name. Raises `InvalidRequest`."""
        for each in self.permissions:
            if each.name.lower() == name.lower():
                return each
        known = ", ".join(each.name for each in self.permissions)
        raise InvalidRequest(f"“{name[:40]}” is not a permission. There is: {known}.", "/es-access logs-* 1h read")

    def flow(self, name: str) -> AccessFlow | None:
        """The access flow of that name; `None` if the policy no longer has it."""
        return next((each for each in self.access_flows if each.name == name), None)

    def denies(self, flow: AccessFlow, asked: Permission) -> bool:
        """Whether a flow that denies some permissions, or all, denies this one."""
        denied = [self.permission(name) for name in flow.permissions]
        return not denied or any(asked.is_denied_by(each) for each in denied)
