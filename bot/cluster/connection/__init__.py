"""The connections to a cluster: certificates, forward proxies, and which product answers."""
