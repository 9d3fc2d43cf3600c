"""Elasticsearch: reads the catalogue, and creates and removes temporary users and API keys."""
