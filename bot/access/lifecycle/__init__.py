"""Transitions that several use cases share: how a request ends, how a grant ends, the timeline and warnings."""
