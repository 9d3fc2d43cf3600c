"""The connector account: signing in, its privileges and its password."""
