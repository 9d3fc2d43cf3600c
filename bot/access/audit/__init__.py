"""The audit trail: formats, queries, shipping and recorded refusals."""
