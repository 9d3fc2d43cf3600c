"""The queries over the tables, one file a family."""
