"""Where secrets are kept: named by a URL, read when needed, written by a rotation."""

from bot.secret_stores.references import REFERENCE, SCHEMES, is_reference, open_store
from bot.secret_stores.store import SecretStore

__all__ = ["REFERENCE", "SCHEMES", "SecretStore", "is_reference", "open_store"]
