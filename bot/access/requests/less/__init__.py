"""Less than was asked for, or than the whole data: offers, and whether a cluster can limit what access shows."""
