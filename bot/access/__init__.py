"""The domain: who may have what, for how long, and how it ends. Knows no Slack, Elasticsearch or scheduler."""
