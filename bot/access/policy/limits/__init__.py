"""Limits of access by fields and documents: which are allowed, how two compare, and their words."""
