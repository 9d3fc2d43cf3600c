"""The policy in force, and fingerprints of policies."""

import json
from hashlib import sha256

from bot.access.policy.model import Policy


class CurrentPolicy:
    """Holds the policy in force. It is replaced as a whole, so a decision never mixes two policies."""

    def __init__(self, policy: Policy) -> None:
        self.policy = policy


def fingerprint(policy: Policy) -> str:
    """The hexadecimal SHA-256 of the policy's content, independent of the layout of its file."""
    content = json.dumps(policy.model_dump(mode="json"), sort_keys=True, separators=(",", ":"))
    return sha256(content.encode()).hexdigest()
