"""E-mail addresses: kept as typed, compared by a normalised key (rule 20)."""

import unicodedata

import email_validator

email_validator.SPECIAL_USE_DOMAIN_NAMES.clear()
"""Organizations do use `.local` and `.test` inside; delivery tells whether an address works."""

MAX_ADDRESS_LENGTH = 254
"""RFC 5321 section 4.5.3.1.3, less the angle brackets."""


def address_key(text: str) -> str:
    """What an address is compared by: case is ignored, and a domain is in its ASCII form.

    Letters outside ASCII are never folded into ASCII: else U+212A, the Kelvin sign, would be taken
    for `k`, and one person's address for another's.

    Raises:
        ValueError: It is not an e-mail address (RFC 5322 dot-atom, RFC 6531); the text says why.
    """
    try:
        if any(_passes_for_ascii(letter) for letter in text):
            message = "The address contains letters that pass for others."
            raise ValueError(message)
        parsed = email_validator.validate_email(text, check_deliverability=False)
    except UnicodeError as error:
        message = "The address contains characters that can't be encoded."
        raise ValueError(message) from error
    return f"{_lower(parsed.local_part)}@{(parsed.ascii_domain or parsed.domain).lower()}"


def _lower(text: str) -> str:
    return "".join(_lower_letter(letter) for letter in unicodedata.normalize("NFC", text))


def _passes_for_ascii(letter: str) -> bool:
    return not letter.isascii() and unicodedata.normalize("NFC", letter).isascii()


def _lower_letter(letter: str) -> str:
    lowered = letter.lower()
    if len(lowered) != 1 or (lowered.isascii() and not letter.isascii()):
        return letter
    return lowered


def masked(address: str) -> str:
    """An address that its owner recognises and nobody else learns: `m•••@live.example`."""
    local, _, domain = address.rpartition("@")
    return f"{local[:1]}•••@{domain}"
