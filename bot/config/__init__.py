"""Settings, secret references and the policy file."""
