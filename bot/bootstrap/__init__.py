"""Builds the concrete objects and connects them. No other room of the application does."""
