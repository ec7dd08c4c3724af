"""What people type: names and addresses, cleaned or refused."""

import unicodedata
from collections.abc import Sequence
from uuid import UUID

from models.addresses import MAX_ADDRESS_LENGTH, address_key
from resolvers.refusals import Code, Problems

MAX_NAME_LENGTH = 100
MAX_ORGANIZATION_NAME_LENGTH = 200
MAX_BATCH = 100

INVISIBLE = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
"""Unicode categories that no name needs: controls, formats such as bidi overrides, unassigned."""

JOINERS = {"\u200c", "\u200d"}
"""Format characters that names in some scripts do need (Unicode Standard section 23.2)."""


def clean_name(
    problems: Problems, text: str, label: str, *path: str, limit: int = MAX_NAME_LENGTH
) -> str:
    """A name without space around it; notes REQUIRED, TOO_LONG or INVALID."""
    name = " ".join(unicodedata.normalize("NFC", text).split()) if _is_text(text) else text
    if not name:
        problems.add(Code.REQUIRED, f"{label} is required.", *path)
    else:
        check_text(problems, name, label, *path, limit=limit)
    return name


def check_text(problems: Problems, text: str, label: str, *path: str, limit: int) -> None:
    """Note TOO_LONG, or INVALID for what can't be shown, such as controls."""
    if len(text) > limit:
        problems.add(Code.TOO_LONG, f"{label} has more than {limit} characters.", *path)
    elif not _is_text(text):
        problems.add(Code.INVALID, f"{label} contains characters that can't be shown.", *path)


def clean_address(problems: Problems, text: str, label: str, *path: str) -> tuple[str, str]:
    """An address as typed, less space around it, and its key; notes what is wrong with it."""
    address = text.strip()
    if not address:
        problems.add(Code.REQUIRED, f"{label} is required.", *path)
        return "", ""
    if len(address) > MAX_ADDRESS_LENGTH:
        message = f"{label} has more than {MAX_ADDRESS_LENGTH} characters."
        problems.add(Code.TOO_LONG, message, *path)
        return "", ""
    try:
        return address, address_key(address)
    except ValueError as error:
        problems.add(Code.INVALID, f"{label} is not an e-mail address: {error}", *path)
        return "", ""


def _is_text(text: str) -> bool:
    return all(
        letter in JOINERS or letter.isspace() or unicodedata.category(letter) not in INVISIBLE
        for letter in text
    )


def check_batch(ids: Sequence[UUID], label: str, *path: str) -> None:
    """Refuse an empty or an oversized batch (rule 18).

    Raises:
        Refused: REQUIRED or BATCH_TOO_LARGE.
    """
    problems = Problems()
    if not ids:
        problems.add(Code.REQUIRED, f"Name at least one {label}.", *path)
    if len(ids) > MAX_BATCH:
        message = f"{len(ids)} {label}s are named; at most {MAX_BATCH} can be in one request."
        problems.add(Code.BATCH_TOO_LARGE, message, *path)
    problems.raise_if_any()
