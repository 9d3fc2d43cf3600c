"""Who owns what, remembered: an owner that access could have written does not count alone until an owner agrees."""
