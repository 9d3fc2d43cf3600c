"""The audit trail: verification, formats, queries, shipping and recorded refusals."""
