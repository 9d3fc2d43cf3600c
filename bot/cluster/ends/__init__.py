"""Ends access in a cluster, and reads back what is left."""
