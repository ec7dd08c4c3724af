"""Rates as an operator writes them: `600 per 5 minutes`, or `off`."""

from urllib.parse import urlsplit

from limits import RateLimitItem, parse

OFF = "off"

STORAGES = ("valkey", "valkeys", "redis", "rediss")


def parse_rate(text: str) -> RateLimitItem | None:
    """The rate; None if it is switched off.

    Raises:
        ValueError: It can't be understood.
    """
    if text.strip().lower() == OFF:
        return None
    try:
        rate = parse(text)
    except ValueError:
        rate = None
    if rate is None or rate.amount < 1:
        message = f'must be such as "100 per minute" or "600 per 5 minutes", or "{OFF}"'
        raise ValueError(message)
    return rate


def check_storage_url(url: str) -> None:
    """Refuse what is no address of Valkey or Redis.

    Raises:
        ValueError: It isn't; the text has nothing of it, for it may hold a password.
    """
    parts = urlsplit(url)
    if parts.scheme not in STORAGES or not parts.hostname:
        message = "must be such as valkey://user:password@host:6379/0, or begin with valkeys://, "
        message += "redis:// or rediss://"
        raise ValueError(message)
