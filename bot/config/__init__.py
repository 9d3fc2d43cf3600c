"""Settings, secret references and `access.yaml`."""
