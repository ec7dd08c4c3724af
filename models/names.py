"""Names of people: how they sort, and by which words they are found."""

import re
import unicodedata
from collections.abc import Iterable

_STARTS = re.compile(r"(?:^|(?<=[^\w]))(?=\w)")


ALIKE = str.maketrans(
    {
        **dict.fromkeys(
            (
                "\N{LEFT SINGLE QUOTATION MARK}",
                "\N{RIGHT SINGLE QUOTATION MARK}",
                "\N{MODIFIER LETTER APOSTROPHE}",
                "\N{GRAVE ACCENT}",
            ),
            "'",
        ),
        **dict.fromkeys(("\N{HYPHEN}", "\N{EN DASH}", "\N{MINUS SIGN}"), "-"),
    }
)
"""Apostrophes and hyphens, which keyboards and word processors write in several ways.

The non-breaking hyphen is a hyphen once it is decomposed.
"""


def folded(text: str) -> str:
    """Text for comparison: case and accents are ignored, apostrophes alike, runs of space one."""
    decomposed = unicodedata.normalize("NFKD", text)
    plain = "".join(letter for letter in decomposed if not unicodedata.combining(letter))
    return " ".join(plain.translate(ALIKE).casefold().split())


def sort_name(first_name: str, last_name: str) -> str:
    """What users are ordered by: the last name, then the first."""
    return f"{folded(last_name)}, {folded(first_name)}"


def search_words(text: str) -> list[str]:
    """The words of a search, folded; each must begin one of a user's `name_words` or addresses."""
    return list(dict.fromkeys(folded(text).split()))


def words_of(names: Iterable[str], addresses: Iterable[str]) -> set[str]:
    """Everything that a search for a user may begin with.

    A name gives each of its words, and what follows a hyphen or an apostrophe in one: `O'Brien` is
    found by `o'b` and by `bri`. An address gives itself.
    """
    words = {
        word[start.start() :]
        for name in names
        for word in folded(name).split()
        for start in _STARTS.finditer(word)
    }
    return words | {folded(address) for address in addresses}
