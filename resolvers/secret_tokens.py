"""Secrets that the database holds hashed only: cookies, invitations' links, access tokens."""

import hashlib
import secrets
import string
from zlib import crc32

TOKEN_BYTES = 32
"""256 random bits, more than anyone can try."""


def new_token() -> str:
    """A fresh secret, fit for an address or a cookie."""
    return secrets.token_urlsafe(TOKEN_BYTES)


LETTERS = string.digits + string.ascii_uppercase + string.ascii_lowercase
MARK = "csu_"
RANDOM_LETTERS = 43
"""As many as 256 random bits take in base 62."""

CHECKSUM_LETTERS = 6
PREFIX_LENGTH = 12
"""What of an access token is shown to recognise it by. 208 random bits stay unknown."""


def new_access_token() -> str:
    """A fresh secret that is known for one wherever it is found, and of which a typo is told.

    A mark, 256 random bits, and their CRC-32, both in base 62.
    """
    body = MARK + "".join(secrets.choice(LETTERS) for _ in range(RANDOM_LETTERS))
    return body + _checksum(body)


def flaw_of(text: str) -> str | None:
    """Why a text can't be an access token of ours, for people; None if it can."""
    if not text.startswith(MARK):
        return f"An access token begins with {MARK}"
    body, checksum = text[:-CHECKSUM_LETTERS], text[-CHECKSUM_LETTERS:]
    if len(body) != len(MARK) + RANDOM_LETTERS or _checksum(body) != checksum:
        return "The access token is mistyped or incomplete"
    return None


def _checksum(body: str) -> str:
    number, letters = crc32(body.encode("utf-8", "surrogatepass")), ""
    for _ in range(CHECKSUM_LETTERS):
        number, digit = divmod(number, len(LETTERS))
        letters = LETTERS[digit] + letters
    return letters


def hash_of(token: str) -> str:
    """What is stored of a secret: SHA-256, hexadecimal, enough for one of 256 random bits."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()
