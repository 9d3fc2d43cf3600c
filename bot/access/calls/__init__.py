"""Calls of other systems: which are let through, and whose turn it is meanwhile."""
