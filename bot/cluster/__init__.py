"""Elasticsearch, as the domain needs it: what exists, and making and removing temporary users."""
