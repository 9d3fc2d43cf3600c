"""Ends access in a cluster, and reads the rest back."""
