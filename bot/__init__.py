"""Just-in-time, approved, temporary access to Elasticsearch, asked for and decided in Slack."""
