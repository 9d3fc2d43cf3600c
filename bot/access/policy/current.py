"""The policy in force, and a short name for a policy as a whole."""

import json
from hashlib import sha256

from bot.access.policy.model import Policy

MOST_ASKED = 20
"""Owners who get a message of their own about one request: more would be noise, and anyone may still decide."""


class CurrentPolicy:
    """The policy in force. It is replaced as a whole, so that a decision never sees half of a new one."""

    def __init__(self, policy: Policy) -> None:
        self.policy = policy


def fingerprint(policy: Policy) -> str:
    """The SHA-256, in hex, of everything that the policy says, however its file was laid out."""
    content = json.dumps(policy.model_dump(mode="json"), sort_keys=True, separators=(",", ":"))
    return sha256(content.encode()).hexdigest()
