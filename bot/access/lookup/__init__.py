"""Read-only views for people: history, the Home tab and suggestions."""
