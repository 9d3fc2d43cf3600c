"""A short name for a policy as a whole, by which the audit trail tells one from another."""

import json
from hashlib import sha256

from bot.access.policy import Policy


def fingerprint(policy: Policy) -> str:
    """The SHA-256, in hex, of everything that the policy says, however its file was laid out."""
    content = json.dumps(policy.model_dump(mode="json"), sort_keys=True, separators=(",", ":"))
    return sha256(content.encode()).hexdigest()
