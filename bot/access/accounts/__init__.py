"""Own accounts: access for accounts that people already have in a cluster, by a personal role."""
