"""The models of `access.yaml` that add to those of the policy."""

import re
from datetime import timedelta
from difflib import get_close_matches
from typing import Annotated, Literal, get_args

from pydantic import AfterValidator, BeforeValidator, ConfigDict, Field, JsonValue, SecretStr

from bot.access.policy.access_flow import AccessFlow
from bot.access.policy.limits.fields import FieldLimits
from bot.access.policy.limits.query import canonical
from bot.access.policy.model import OwnersFrom, Permission
from bot.access.policy.value_types import AccountRules, Duration, Name, Owners, PolicyPart
from bot.config.configuration import AccessDetails, CloudId, Days, ExistingFile, Hint, Limit, OwnerKey, Space, Url
from bot.secret_stores.references import is_reference, problem_with, variable_of

# From `GET /_security/privilege/_builtin`: those of both 8.19 and 9.5, without `none` and those only nodes need.
_IndexPrivilege = Literal[
    "all", "auto_configure", "create", "create_doc", "create_index", "cross_cluster_replication", "delete",
    "delete_index", "index", "maintenance", "manage", "manage_data_stream_lifecycle", "manage_failure_store",
    "manage_follow_index", "manage_ilm", "manage_leader_index", "monitor", "read", "read_cross_cluster",
    "read_failure_store", "view_index_metadata", "write",
]  # fmt: skip

INDEX_PRIVILEGES: tuple[str, ...] = get_args(_IndexPrivilege)

# From the same list, without `none` and those that only nodes and Elastic's own services need.
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
"""The name of a native user ("Create or update users", Elasticsearch), without characters that Basic auth excludes."""

ONE_USER = rf"(?!/)(?!.*[*?]){USERNAME}"
"""No pattern: in a role's `run_as`, a star, a question mark or slashes match several users ("Defining roles")."""

MOST_RUN_AS = 10
"""Users in one permission. An approval message has to name them all."""

KIBANA_PRIVILEGE = r"read|feature_[A-Za-z0-9_]+\.[a-z0-9_]+"
"""A feature as it appears in a role, with `all`, `read`, `minimal_read` or a sub-feature."""


def did_you_mean(word: object, known: tuple[str, ...]) -> str:
    """The end of a sentence that suggests the nearest known word; empty when none is near."""
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
    wrong = problem_with(reference)
    if wrong:
        raise ValueError(wrong)
    return text


IndexPrivilege = Annotated[_IndexPrivilege, BeforeValidator(_an_index_privilege)]
ClusterPrivilege = Annotated[_ClusterPrivilege, BeforeValidator(_a_cluster_privilege)]
UserToRunAs = Annotated[str, AfterValidator(_a_user_to_run_as)]
KibanaPrivilege = Annotated[str, AfterValidator(_a_kibana_privilege)]
Reference = Annotated[SecretStr, AfterValidator(_a_reference)]


class PermissionEntry(Permission):
    """A named set of privileges, beside the built-in read, write and manage."""

    name: Name = Field(description="What people ask for, as in /es-access logs-* 1h NAME.")
    indices: tuple[IndexPrivilege, ...] = Field(
        min_length=1, description="Index privileges of Elasticsearch, on the patterns of the request."
    )
    kibana: tuple[KibanaPrivilege, ...] = Field(
        default=(), description="Kibana feature privileges, such as feature_discover.read."
    )
    spaces: tuple[Space, ...] = Field(
        default=("default",), min_length=1, description="The Kibana spaces in which they hold."
    )
    cluster: tuple[ClusterPrivilege, ...] = Field(
        default=(), description="Dangerous: cluster privileges of Elasticsearch, such as manage_ilm."
    )
    run_as: tuple[UserToRunAs, ...] = Field(
        default=(), max_length=MOST_RUN_AS, description="Dangerous: users whose name may be taken."
    )
    monitor: bool = Field(
        default=False,
        description="The state of the cluster may be seen: health, licence, settings, names and fields of all indices, "
        "running tasks. Not dangerous.",
    )
    fields: FieldLimits | None = Field(
        default=None, description="Only these fields of documents are shown. Needs a licence with field level security."
    )
    query: Annotated[str, BeforeValidator(canonical)] = Field(
        default="",
        description="Only documents that match this query are shown, such as term: {level: error}. Needs a licence "
        "with document level security.",
    )
    restricted_indices: bool = Field(
        default=False, description="Dangerous: system indices among those that match are covered too."
    )


_ADDRESS: JsonValue = {"oneOf": [{"required": ["url"]}, {"required": ["cloud_id"]}]}
_SIGN_IN: JsonValue = {
    "anyOf": [
        {"required": ["username", "password"], "not": {"required": ["api_key"]}},
        {
            "anyOf": [{"required": ["api_key"]}, {"required": ["client_certificate"]}],
            "not": {"anyOf": [{"required": ["username"]}, {"required": ["password"]}]},
        },
    ]
}
_CERTIFICATE: JsonValue = {"dependentRequired": {"client_key": ["client_certificate"]}}
"""Rules across the keys of an integration, in JSON Schema. `cross_checks` says them in sentences."""


class IntegrationEntry(PolicyPart):
    """One cluster. It has either `url` or `cloud_id`, and one way to sign in."""

    model_config = ConfigDict(json_schema_extra={"allOf": [_ADDRESS, _SIGN_IN, _CERTIFICATE]})

    name: Name = Field(description="What people call the cluster, as in --cluster NAME.")
    url: Url | None = Field(
        default=None, description="Where the application reaches Elasticsearch. Either this or cloud_id."
    )
    cloud_id: CloudId | None = Field(
        default=None, description="The Cloud ID of a deployment in Elastic Cloud. Either this or url."
    )
    username: Annotated[str, AfterValidator(_a_username)] | None = Field(
        default=None, description="The connector account, which signs in with a password."
    )
    password: Reference | None = Field(
        default=None,
        description="Where the connector account's password is: env:NAME_OF_A_VARIABLE, file:/PATH, "
        "aws-sm://REGION/SECRET, gcp-sm://PROJECT/SECRET, azure-kv://VAULT/SECRET or "
        "vault://HOST:PORT/MOUNT/PATH#KEY. It is never written here.",
    )
    api_key: Reference | None = Field(
        default=None,
        description="Where the API key is that the connector signs in with, instead of username and password.",
    )
    ca_certs: ExistingFile | None = Field(
        default=None, description="A file with the certificates to trust, when they are not public ones."
    )
    client_certificate: ExistingFile | None = Field(
        default=None,
        description="A PEM file with the certificate that a cluster asks its clients for. Without username and api_key "
        "it is also the way to sign in, by the cluster's PKI realm.",
    )
    client_key: ExistingFile | None = Field(
        default=None, description="The PEM file with its private key, when that is not in client_certificate."
    )
    public_url: Url | None = Field(
        default=None, description="The address that people are given, when it differs from url."
    )
    ca_hint: Hint = Field(
        default="", description="Where people find the file with the CA, in a sentence. Shown with each credential."
    )
    kibana_url: Url | None = Field(
        default=None,
        description="Where Kibana is. Built-in permissions then open Discover and Dashboards there for passwords, and "
        "each credential has a link.",
    )
    kibana_space: Space = Field(default="default", description="The Kibana space that is opened.")
    owner: Owners = Field(description="Integration owner: decides about everything that has no other owner.")
    resource_owner: OwnerKey | None = Field(
        default=None,
        description="The key that an owner stands under in the _meta of a mapping, data stream or index template. "
        "Left out: the integration owner decides about everything.",
    )
    owners_from: OwnersFrom = Field(
        default="mapping",
        description="mapping: the owner in the mapping of an index comes first. template: owners stand in index and "
        "component templates and data streams alone, which no temporary access can change.",
    )
    access_details: AccessDetails = Field(
        default="", description="Shown with each credential. {url}, {username}, {expiry} and {patterns} are filled in."
    )
    credential_rotation_days: Days | None = Field(
        default=None,
        description="After how many days the connector account gets a new password, which is written to its secret "
        "store first. Not with env:, which cannot be written.",
    )
    user_cleanup_days: Days | None = Field(
        default=None,
        description="For how many days the user of a grant that has ended stays, disabled and without a role, before "
        "it is deleted. Left out: it is deleted at once.",
    )
    accounts: AccountRules | None = Field(
        default=None,
        description="People's own accounts in this cluster, which access can be given to without any secret. Then this "
        "is what a request gets that names nothing else.",
    )


class PolicyFile(PolicyPart):
    """Just-in-time access to Elasticsearch: the clusters, the permissions, and the access flows that give them."""

    integrations: tuple[IntegrationEntry, ...] = Field(
        min_length=1, description="The clusters that access can be asked for."
    )
    permissions: tuple[PermissionEntry, ...] = Field(
        default=(), description="Named sets of privileges, beside the built-in read, write and manage."
    )
    access_flows: tuple[AccessFlow, ...] = Field(
        min_length=1,
        description="Who may ask for what, for how long, and who says yes. The first flow that fits is taken; one "
        "that denies beats all others, wherever it stands.",
    )
    pending_duration: Duration = Field(
        default=timedelta(hours=8), description="How long a request waits for a decision before it expires."
    )
    pending_per_person: Limit = Field(
        default=10, description="How many requests of one person may wait for a decision at a time."
    )
    requests_per_hour: Limit = Field(default=30, description="How many requests one person may file within an hour.")
    strict: bool = Field(
        default=False,
        description="Refuse the file if a flow undercuts a stricter one: if it gives the same data with less demanded.",
    )
