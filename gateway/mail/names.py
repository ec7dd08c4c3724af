"""Names in a mail: what people typed, made harmless where it is shown."""

import re
import unicodedata

ZERO_WIDTH_NON_JOINER = "\u200c"

_JOINERS = {ZERO_WIDTH_NON_JOINER, "\u200d"}
"""Format characters that names do need: in Persian and Indic scripts, and in emoji."""

_DROPPED_CATEGORIES = {"Cc", "Cf", "Cs", "Co", "Cn"}
_SPACE_CATEGORIES = {"Zl", "Zp", "Zs"}

_BETWEEN = re.compile(
    r"(?<=\S)([.:/\\@\u2024\u3002\uff0e\uff61\ufe52\uff1a\uff0f\uff20])(?=\S)",
)
"""What a mail program needs to see a link in text, and what names of hosts treat as a dot
(Unicode Technical Standard 46, section 4): dot, colon, slash, at sign, each within a word."""

_ORDINARY_LOCAL_PART = re.compile(r"(?!www\.)[^/:]+", re.IGNORECASE)

_DIGITS = re.compile(r"\d")
_PHONE_NUMBER_DIGITS = 7
"""As few as a mail program takes for a telephone number."""


def plain(text: str) -> str:
    """One line without control, direction, invisible or unassigned characters.

    Runs of space become one. Names lose nothing else.
    """
    return " ".join("".join(_kept(letter) for letter in text).split())


def _kept(letter: str) -> str:
    if letter in _JOINERS:
        return letter
    category = unicodedata.category(letter)
    if category in _SPACE_CATEGORIES or letter.isspace():
        return " "
    return "" if category in _DROPPED_CATEGORIES else letter


def unlinked(text: str) -> str:
    """`plain` text in which no mail program finds a link or a telephone number.

    It looks the same: zero-width non-joiners stand around each dot, colon, slash and at sign within
    a word. They are the invisible character that mail programs render most reliably, and names of
    hosts can't hold them there (RFC 5892 appendix A.1), so that even a link made in spite of them
    leads nowhere.
    """
    apart = _BETWEEN.sub(rf"{ZERO_WIDTH_NON_JOINER}\1{ZERO_WIDTH_NON_JOINER}", plain(text))
    if len(_DIGITS.findall(apart)) >= _PHONE_NUMBER_DIGITS:
        apart = re.sub(r"(?<=\d)(?=\d)", ZERO_WIDTH_NON_JOINER, apart)
    return apart


def in_header(text: str) -> str:
    """`plain` text for a header's value.

    Nothing in it is taken for an encoded word (RFC 2047 section 2), which could bring back what
    `plain` took away, or ends a quoted name or an address (RFC 5322 section 3.2.4).
    """
    return " ".join(plain(text).replace("=?", "= ?").translate(_QUOTING).split())


_QUOTING = str.maketrans({'"': "'", "\\": "/", "<": " ", ">": " "})


def shown_address(address: str) -> str:
    """An address just as it is, unless its local part looks like the beginning of a link.

    `www.evil.example/x@live.example` is a valid address (RFC 5322 section 3.2.3).
    """
    clean = plain(address)
    local_part, _, _ = clean.rpartition("@")
    return clean if _ORDINARY_LOCAL_PART.fullmatch(local_part) else unlinked(clean)


def shortened(text: str, *, length: int) -> str:
    """The text, or its beginning with an ellipsis, `length` characters at most."""
    return text if len(text) <= length else f"{text[: length - 1].rstrip()}…"
