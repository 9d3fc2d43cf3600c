"""Sets of names: several patterns, less the names that are left out, as one role holds them."""
