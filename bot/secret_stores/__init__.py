"""Secret stores. A URL names a secret, which is read when it is needed and written by a rotation."""

from bot.secret_stores.references import REFERENCE, SCHEMES, is_reference, open_secret_store
from bot.secret_stores.store import SecretStore

__all__ = ["REFERENCE", "SCHEMES", "SecretStore", "is_reference", "open_secret_store"]
