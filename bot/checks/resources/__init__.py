"""Checks of what a cluster has: the owners of its resources, and where its aliases lead."""
