"""Lines that several messages share."""
