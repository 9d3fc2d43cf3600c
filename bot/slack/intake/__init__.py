"""How payloads come in: stored, acknowledged, and only then worked on."""
