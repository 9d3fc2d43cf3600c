"""Checks of how servers are reached: sign-in, product and forward proxies."""
