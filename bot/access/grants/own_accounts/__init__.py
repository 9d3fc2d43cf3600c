"""Grants for people's own accounts: the personal roles, written and ended, and compared with the clusters."""
