"""A real Elasticsearch and a local Slack workspace, for tests and the demo. The product never imports it."""
