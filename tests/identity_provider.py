"""Single sign-on without a server: a node of a JWT realm reads the public key from a file, and tests sign the tokens.

A token in a request is a person who has signed in. A sign-in through a browser, as with SAML and OpenID Connect, cannot
be tested here: the realm differs, and role mappings and role names are the same.
"""

import json
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa
from jwt.algorithms import RSAAlgorithm

REALM = "corp"
ISSUER, AUDIENCE = "https://idp.example", "es"


class IdentityProvider:
    """Signs people in. `folder` gets the file with the public key."""

    def __init__(self, folder: Path) -> None:
        self._key = rsa.generate_private_key(public_exponent=65_537, key_size=2048)
        self._keys = folder / "jwks.json"
        public: dict[str, Any] = RSAAlgorithm.to_jwk(self._key.public_key(), as_dict=True)
        self._keys.write_text(json.dumps({"keys": [{**public, "kid": "1", "alg": "RS256", "use": "sig"}]}))

    @property
    def settings(self) -> Mapping[str, object]:
        """The settings of a node with this realm, beside those of native users and the administrator."""
        realm = f"xpack.security.authc.realms.jwt.{REALM}"
        return {
            "xpack.security.authc.realms.file.file1.order": 0,
            "xpack.security.authc.realms.native.native1.order": 1,
            f"{realm}.order": 2,
            f"{realm}.token_type": "id_token",
            f"{realm}.client_authentication.type": "none",
            f"{realm}.allowed_issuer": ISSUER,
            f"{realm}.allowed_audiences": [AUDIENCE],
            f"{realm}.allowed_signature_algorithms": ["RS256"],
            f"{realm}.claims.principal": "email",
            f"{realm}.claims.groups": "groups",
            f"{realm}.claims.mail": "email",
            f"{realm}.pkc_jwkset_path": str(self._keys),
        }

    def token(self, email: str) -> str:
        """The token of somebody who signs in now."""
        now = int(time.time())
        claims = {
            "iss": ISSUER, "aud": AUDIENCE, "sub": email, "email": email, "groups": ["staff"],
            "iat": now, "auth_time": now, "exp": now + 3600,
        }  # fmt: skip
        return jwt.encode(claims, self._key, algorithm="RS256", headers={"kid": "1"})
