"""The parts of a typed command: words, options, and the patterns, duration and reason of a request."""
