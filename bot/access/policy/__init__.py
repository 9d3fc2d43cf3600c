"""The policy and the pure decision made from it."""
