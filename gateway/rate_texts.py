"""Rates as an operator writes them: `600 per 5 minutes`, or `off`."""

import re

from limits import RateLimitItem, parse_many

from gateway.urls import split_url

OFF = "off"

MAX_AMOUNT = 10**15
MAX_WINDOW_S = 366 * 24 * 3600

STORAGES = ("valkey", "valkeys", "redis", "rediss")


def parse_rate(text: str) -> RateLimitItem | None:
    """The rate; None if it is switched off.

    Raises:
        ValueError: It can't be understood.
    """
    if text.strip().lower() == OFF:
        return None
    try:
        rates = parse_many(text)
    except ValueError:
        rates = []
    # Of "0 minutes" limits makes one, so it is looked for in the text.
    if (
        len(rates) != 1
        or not 1 <= rates[0].amount <= MAX_AMOUNT
        or rates[0].get_expiry() > MAX_WINDOW_S
        or re.search(r"(?<![0-9])0+(?![0-9])", text)
    ):
        message = f'must be such as "100 per minute" or "600 per 5 minutes", or "{OFF}"'
        raise ValueError(message)
    return rates[0]


def check_storage_url(url: str) -> None:
    """Refuse what is no address of Valkey or Redis.

    Raises:
        ValueError: It isn't; the text has nothing of it, for it may hold a password.
    """
    if url.partition("://")[0] in STORAGES:
        parts = split_url(url)
        if re.fullmatch(r"(?:/[0-9]{0,9})?", parts.path) and not parts.query + parts.fragment:
            return
    message = "must be such as valkey://user:password@host:6379/0, or begin with valkeys://, "
    message += "redis:// or rediss://"
    raise ValueError(message)
