"""People's own accounts in Elasticsearch, and their personal roles."""
