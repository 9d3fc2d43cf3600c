"""Grants: provisioning, revocation, automatic flows, reconciliation and clocks."""
