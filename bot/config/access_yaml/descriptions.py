"""Descriptions of the keys of access flows in the JSON Schema, which editors show, and patterns for values."""

from collections.abc import Mapping
from typing import Any

from bot.access.policy.value_types import CHANNEL_SHAPE, NAME_SHAPE
from bot.config.access_yaml.model import KIBANA_PRIVILEGE, ONE_USER, SPACE
from bot.secret_stores import REFERENCE

_NAME = {"pattern": f"^{NAME_SHAPE.pattern}$"}

DESCRIPTIONS: Mapping[str, Mapping[str, str]] = {
    "AccessFlow": {
        "name": "Shown to people as the reason for what they are told.",
        "deny": "Refuse what matches, whatever the other flows say. Overlapping the patterns is enough to match.",
        "requesters": "Who may ask: everyone, or Slack user ids, e-mails and @group handles.",
        "integrations": "The clusters that it is about. Left out: all of them.",
        "patterns": "The index patterns that may be asked for, each of them or anything narrower.",
        "permissions": "What may be asked for. Left out: read, and for a flow that denies all of them.",
        "max_duration": "The longest access.",
        "default_duration": "For a request that says none. Left out: a request has to say one.",
        "reason": "Whether a request has to say why.",
        "reason_pattern": "A regular expression that a reason has to contain, such as INC-[0-9]+",
        "approve": "owners: they are asked. rule: approved without asking anybody.",
        "owners": "Who is asked. resource: the owner of each index, as found in the cluster. integration: the "
        "integration owner alone. Or owners by name.",
        "approvals": "How many of each owner group have to say yes.",
        "groups": "Of several owner groups: each of them has to say yes, or any one.",
        "self_approval": "Whether an owner may approve their own request.",
        "escalation": "What happens when nobody decides.",
        "channel": "Where owners decide: #name or the id of a channel that the app is in. Left out: each owner's "
        "direct message. Of a break-glass flow: where it is told as well.",
        "extend": "owners: they are asked for more time. rule: it is given without asking. Left out: as approve.",
        "max_extensions": "How often access may be extended. Left out: as often as owners allow.",
        "max_total": "The longest that access may become with all extensions. Left out: as long as owners allow.",
        "for_others": "Who may ask for somebody else with --for: true for everyone, or owners. Left out: nobody.",
        "scope": "pattern: what is created later under it is covered too. resolved: exactly what matched.",
        "credentials": "What is given: password for Kibana and people, api_key for scripts. The first of them where "
        "nobody says which.",
        "delivery": "message: the secret stands in a direct message until the end. reveal: it is made at a click, and "
        "shown once.",
        "break_glass": "For emergencies: asked for with --break-glass and a reason, it approves at once. Owners and "
        "the channel are told, and owners are reminded until one of them has reviewed it.",
        "dangerous": "Needed where a permission has cluster, run_as or restricted_indices. Approvers are told.",
        "automatic": "Requesters have it without asking, for as long as they are members.",
        "when": "When the flow applies. Left out: always.",
    },
    "Escalation": {
        "after": "Those who were asked are reminded after this time; after twice as long, the next are asked.",
        "to": "Who is asked then. Those who were asked before may still decide.",
    },
    "Hours": {
        "days": "The days on which it applies.",
        "since": "From this time of the day on.",
        "until": "To this time of the day. Earlier than since: over midnight.",
        "time_zone": "As in Europe/Paris.",
    },
}

SHAPES: Mapping[tuple[str, str], Mapping[str, Any]] = {
    ("IntegrationEntry", "name"): _NAME,
    ("IntegrationEntry", "url"): {"pattern": "^https?://"},
    ("IntegrationEntry", "public_url"): {"pattern": "^https?://"},
    ("IntegrationEntry", "password"): {"pattern": f"^({REFERENCE})$"},
    ("PermissionEntry", "name"): _NAME,
    ("PermissionEntry", "kibana"): {"items": {"type": "string", "pattern": f"^({KIBANA_PRIVILEGE})$"}},
    ("PermissionEntry", "spaces"): {"items": {"type": "string", "pattern": f"^{SPACE}$"}},
    ("PermissionEntry", "run_as"): {"items": {"type": "string", "pattern": f"^({ONE_USER})$"}},
    ("AccessFlow", "channel"): {"pattern": f"^({CHANNEL_SHAPE.pattern})$"},
    ("AccessFlow", "name"): {"minLength": 1, "maxLength": 60},
}
"""The rules of our validators that a schema can express."""
