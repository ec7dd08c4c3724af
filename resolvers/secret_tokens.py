"""Secrets that the database holds hashed only: sessions' cookies and invitations' links."""

import hashlib
import secrets

TOKEN_BYTES = 32
"""256 random bits, more than anyone can try."""


def new_token() -> str:
    """A fresh secret, fit for an address or a cookie."""
    return secrets.token_urlsafe(TOKEN_BYTES)


def hash_of(token: str) -> str:
    """What is stored of a secret: SHA-256, hexadecimal, enough for one of 256 random bits."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()
