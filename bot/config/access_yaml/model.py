"""What `access.yaml` holds, on top of the policy's own models."""

import re
from datetime import timedelta
from difflib import get_close_matches
from typing import Annotated, Literal, get_args

from pydantic import AfterValidator, BeforeValidator, ConfigDict, Field, SecretStr

from bot.access.policy.model import AccessFlow, Permission, PolicyPart
from bot.access.policy.value_types import Duration, Name, Owners
from bot.config.configuration import AccessDetails, CloudId, Days, ExistingFile, Limit, OwnerKey, Url
from bot.secret_stores.references import is_reference, variable_of, wrong_with

# Of `GET /_security/privilege/_builtin`, what both 8.19 and 9.5 have, less `none` and what only nodes need.
_IndexPrivilege = Literal[
    "all", "auto_configure", "create", "create_doc", "create_index", "cross_cluster_replication", "delete",
    "delete_index", "index", "maintenance", "manage", "manage_data_stream_lifecycle", "manage_failure_store",
    "manage_follow_index", "manage_ilm", "manage_leader_index", "monitor", "read", "read_cross_cluster",
    "read_failure_store", "view_index_metadata", "write",
]  # fmt: skip

INDEX_PRIVILEGES: tuple[str, ...] = get_args(_IndexPrivilege)

# Of the same list, what both versions have, less `none` and what only nodes and Elastic's own services need.
_ClusterPrivilege = Literal[
    "all", "cancel_task", "create_snapshot", "delegate_pki", "grant_api_key", "manage", "manage_api_key",
    "manage_autoscaling", "manage_behavioral_analytics", "manage_ccr", "manage_connector",
    "manage_data_frame_transforms", "manage_data_stream_global_retention", "manage_enrich", "manage_ilm",
    "manage_index_templates", "manage_inference", "manage_ingest_pipelines", "manage_logstash_pipelines", "manage_ml",
    "manage_oidc", "manage_own_api_key", "manage_pipeline", "manage_rollup", "manage_saml",
    "manage_search_application", "manage_search_query_rules", "manage_search_synonyms", "manage_security",
    "manage_service_account", "manage_slm", "manage_token", "manage_transform", "manage_user_profile",
    "manage_watcher", "monitor", "monitor_connector", "monitor_data_frame_transforms",
    "monitor_data_stream_global_retention", "monitor_enrich", "monitor_inference", "monitor_ml", "monitor_rollup",
    "monitor_snapshot", "monitor_stats", "monitor_text_structure", "monitor_transform", "monitor_watcher",
    "post_behavioral_analytics_event", "read_ccr", "read_ilm", "read_pipeline", "read_security", "read_slm",
]  # fmt: skip

CLUSTER_PRIVILEGES: tuple[str, ...] = get_args(_ClusterPrivilege)

USERNAME = r"[!-9;-~]([ -9;-~]{0,505}[!-9;-~])?"
"""What a native user's name may be ("Create or update users", Elasticsearch), less what basic authentication cuts."""

ONE_USER = rf"(?!/)(?!.*[*?]){USERNAME}"
"""In a role's `run_as`, a star, a question mark and slashes stand for more than one user ("Defining roles")."""

MOST_RUN_AS = 10
"""Users that one permission may name: an approval message has to name them all."""

KIBANA_PRIVILEGE = r"read|feature_[A-Za-z0-9_]+\.[a-z0-9_]+"
"""Features are in the form that a role holds them in, with `all`, `read`, `minimal_read` or a sub-feature."""

SPACE = r"[a-z0-9_-]+"
"""An identifier of a space ("Kibana spaces", Elastic)."""


def did_you_mean(word: object, known: tuple[str, ...]) -> str:
    """The nearest known word as the end of a sentence; empty when none is near."""
    near = get_close_matches(word.lower(), known, n=1) if isinstance(word, str) and len(word) <= 100 else []
    return f": did you mean {near[0]}?" if near else ""


def _an_index_privilege(name: object) -> object:
    if name in INDEX_PRIVILEGES:
        return name
    if isinstance(name, str) and name.startswith(("indices:", "cluster:")):
        raise ValueError("is the name of an action: write a privilege, such as read")
    raise ValueError(f"is no index privilege of Elasticsearch{did_you_mean(name, INDEX_PRIVILEGES)}")


def _a_cluster_privilege(name: object) -> object:
    if name in CLUSTER_PRIVILEGES:
        return name
    if isinstance(name, str) and name.startswith("cluster:"):
        raise ValueError("is the name of an action: write a privilege, such as monitor")
    raise ValueError(f"is no cluster privilege that can be given{did_you_mean(name, CLUSTER_PRIVILEGES)}")


def _a_user_to_run_as(name: str) -> str:
    if not re.fullmatch(ONE_USER, name):
        raise ValueError("is no name of one Elasticsearch user: write each name, without * and ?")
    return name


def _a_kibana_privilege(name: str) -> str:
    if name in ("all", "space_all"):
        raise ValueError("all of Kibana is not given: name the features, such as feature_discover.read")
    if not re.fullmatch(KIBANA_PRIVILEGE, name):
        raise ValueError("is no Kibana privilege: write a feature like feature_discover.read, or read")
    return name


def _a_space(name: str) -> str:
    if not re.fullmatch(SPACE, name):
        raise ValueError("is no identifier of a Kibana space: it has lower case letters, digits, _ and -")
    return name


def _a_username(name: str) -> str:
    if not re.fullmatch(USERNAME, name):
        raise ValueError("is no name of an Elasticsearch user: printable ASCII without a colon, at most 507")
    return name


def _a_reference(text: SecretStr) -> SecretStr:
    reference = text.get_secret_value()
    if not is_reference(reference) or (reference.startswith("env:") and variable_of(reference) is None):
        raise ValueError(
            "is never written here: put it in a secret store or an environment variable, and write"
            " env:NAME_OF_THE_VARIABLE, or the address in the store (docs/policy.md)"
        )
    wrong = wrong_with(reference)
    if wrong:
        raise ValueError(wrong)
    return text


IndexPrivilege = Annotated[_IndexPrivilege, BeforeValidator(_an_index_privilege)]
ClusterPrivilege = Annotated[_ClusterPrivilege, BeforeValidator(_a_cluster_privilege)]
UserToRunAs = Annotated[str, AfterValidator(_a_user_to_run_as)]
KibanaPrivilege = Annotated[str, AfterValidator(_a_kibana_privilege)]
Space = Annotated[str, AfterValidator(_a_space)]
Reference = Annotated[SecretStr, AfterValidator(_a_reference)]


class PermissionEntry(Permission):
    """A named set of privileges, beside the built-in read, write and manage."""

    indices: tuple[IndexPrivilege, ...] = Field(min_length=1)
    kibana: tuple[KibanaPrivilege, ...] = ()
    spaces: tuple[Space, ...] = Field(default=("default",), min_length=1)
    cluster: tuple[ClusterPrivilege, ...] = ()
    run_as: tuple[UserToRunAs, ...] = Field(default=(), max_length=MOST_RUN_AS)


class IntegrationEntry(PolicyPart):
    """One cluster. Of `url` and `cloud_id` there is one, which `across` sees to."""

    model_config = ConfigDict(json_schema_extra={"oneOf": [{"required": ["url"]}, {"required": ["cloud_id"]}]})

    name: Name
    url: Url | None = None
    cloud_id: CloudId | None = None
    username: Annotated[str, AfterValidator(_a_username)]
    password: Reference
    ca_certs: ExistingFile | None = None
    public_url: Url | None = None
    owner: Owners
    resource_owner: OwnerKey | None = None
    access_details: AccessDetails = ""
    credential_rotation_days: Days | None = None
    user_cleanup_days: Days | None = None


class PolicyFile(PolicyPart):
    """Just-in-time access to Elasticsearch: the clusters, what may be asked for, and who says yes."""

    integrations: tuple[IntegrationEntry, ...] = Field(min_length=1)
    permissions: tuple[PermissionEntry, ...] = ()
    access_flows: tuple[AccessFlow, ...] = Field(min_length=1)
    pending_duration: Duration = timedelta(hours=8)
    pending_per_person: Limit = 10
    requests_per_hour: Limit = 30
